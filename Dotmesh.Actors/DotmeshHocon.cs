using System.Globalization;
using System.Text.Json;
using Dotmesh.Actors.Dots;

namespace Dotmesh.Actors;

/// <summary>Akka's configuration, made in this one place from the settings. Reasons stand beside the values.</summary>
internal static class DotmeshHocon
{
    // ADO of SQLite is synchronous: it blocks threads of its own
    private const string OwnThreads =
        """
        plugin-dispatcher = "dotmesh.journal-dispatcher", materializer-dispatcher = "dotmesh.journal-dispatcher"
        """;

    /// <param name="incarnation">Of this process, where there are others.</param>
    public static string Make(DotmeshSystemSettings settings, StorageNodeId node, string incarnation) => $$"""
        akka {
          loglevel = INFO
          stdout-loglevel = OFF
          loggers = ["Dotmesh.Actors.Gateway.AkkaLog, Dotmesh.Actors"]
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          actor {
            provider = cluster
            serializers {
              json = "Dotmesh.Actors.Serialization.DenyAllSerializer, Dotmesh.Actors"
              dotmesh = "Dotmesh.Actors.Serialization.DotmeshSerializer, Dotmesh.Actors"
            }
            serialization-bindings {
              "Dotmesh.Actors.Serialization.IDotmeshMessage, Dotmesh.Actors" = dotmesh
            }
            serialization-identifiers {
              "Dotmesh.Actors.Serialization.DenyAllSerializer, Dotmesh.Actors" = 1
              "Dotmesh.Actors.Serialization.DotmeshSerializer, Dotmesh.Actors" = 1001
            }
            serialization-settings.allow-unregistered-types = false
          }
          # nothing here waits for less; the default of 10 ms was most of what a node at rest cost
          scheduler.tick-duration = 50ms
          remote.dot-netty.tcp {
            hostname = {{Text(settings.BindAddress.Length > 0 ? settings.BindAddress : settings.RemotingHost)}}
            port = {{Number(settings.RemotingPort)}}
            {{Public(settings)}}
            # the certificate and who is let in come with the system's setup
            enable-ssl = {{(settings.Tls is null ? "off" : "on")}}
            maximum-frame-size = 1000000b
          }
          cluster {
            roles = ["storage", {{Text(DotSharding.Role(node))}}, {{Text(DotSharding.ProcessRole(incarnation))}}]
            # 1 and not the size of the cluster: the coordinator allocates nothing while fewer are up
            min-nr-of-members = 1
            # who is dead the leases say, on any side of a partition the same: see FailoverActor and decision 8
            downing-provider-class = ""
            # a dead node is to be noticed well within its lease; a pause of this length is not taken for death, because its lease is renewed
            failure-detector { heartbeat-interval = 500ms, acceptable-heartbeat-pause = 2500ms }
            sharding {
              state-store-mode = ddata
              remember-entities = off
              distributed-data.durable.keys = []
              passivate-idle-entity-after = {{Millis(settings.Passivation)}}
              # nothing is ever rebalanced (design D1)
              rebalance-interval = 1h
              retry-interval = 500ms
            }
          }
          # the process belongs to the host: it ends when the host says so
          coordinated-shutdown {
            exit-clr = off
            run-by-clr-shutdown-hook = off
            run-by-actor-system-terminate = off
          }
          persistence {
            max-concurrent-recoveries = 16
            # there are none; the default makes a folder wherever the process was started, and no dot wakes where it may not
            snapshot-store.plugin = "akka.persistence.no-snapshot-store"
            journal {
              plugin = "akka.persistence.journal.sql"
              sql {
                connection-string = {{Text(settings.Journal.ConnectionString)}}
                provider-name = {{Text(settings.Journal.Provider)}}
                # tag tables are quadratic to read
                tag-write-mode = Csv
                auto-initialize = {{(settings.Journal.MakesTables ? "on" : "off")}}
                parallelism = {{Number(settings.Journal.Parallelism)}}
                # the column has one id for each process and not for each writer: after a move there and back the filter would drop what is
                # valid. Two writers are told apart by the table: an event's number is taken once
                replay-filter.mode = off
                # dots are served again a second after the database is, and not 30
                circuit-breaker.reset-timeout = 1s
                {{(settings.Journal.Blocks ? OwnThreads : "")}}
              }
            }
            query.journal.sql { tag-read-mode = Csv }
          }
        }
        dotmesh.dot-mailbox.mailbox-type = {{Text(typeof(Dots.LastWordMailbox).AssemblyQualifiedName!)}}
        dotmesh.journal-dispatcher {
          type = ForkJoinDispatcher
          throughput = 100
          dedicated-thread-pool { thread-count = 3, threadtype = background }
        }
        """;

    /// <summary>A quoted HOCON text: the same escapes as JSON.</summary>
    private static string Text(string value) => JsonSerializer.Serialize(value);

    /// <summary>What others dial, where that is not what is bound: in a container, behind a mapped port.</summary>
    private static string Public(DotmeshSystemSettings settings) =>
        $"public-hostname = {Text(settings.RemotingHost)}"
        + (settings.PublicPort == 0 ? "" : $", public-port = {Number(settings.PublicPort)}");

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Millis(TimeSpan value) => $"{(long)value.TotalMilliseconds}ms";
}
