using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Dotmesh.Rpc.Http;

/// <summary>
/// The memory that connections read into and write from. The server's own blocks have 4 KiB, so that a system call brings no more of a
/// stream; these bring four times as much. A connection that waits for its next request holds none.
/// </summary>
public sealed class LargeBlocks : IMemoryPoolFactory<byte>
{
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool();

    private sealed class Pool : MemoryPool<byte>
    {
        private const int BlockSize = 16 * 1024;

        // what is given back beyond these is left to the garbage collector
        private const int MostKept = 128;

        private readonly ConcurrentStack<byte[]> _free = new();
        private int _kept;

        public override int MaxBufferSize => BlockSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
            if (_free.TryPop(out var block))
            {
                Interlocked.Decrement(ref _kept);
            }

            return new Block(this, block ?? GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true));
        }

        // the arrays are the collector's, those too that come back later
        protected override void Dispose(bool disposing)
        {
            Interlocked.Exchange(ref _kept, MostKept);
            _free.Clear();
        }

        private void Return(byte[] block)
        {
            if (Interlocked.Increment(ref _kept) <= MostKept)
            {
                _free.Push(block);
            }
            else
            {
                Interlocked.Decrement(ref _kept);
            }
        }

        private sealed class Block(Pool pool, byte[] memory) : IMemoryOwner<byte>
        {
            private byte[]? _memory = memory;

            public Memory<byte> Memory => _memory ?? throw new ObjectDisposedException(nameof(Block));

            public void Dispose()
            {
                if (Interlocked.Exchange(ref _memory, null) is { } free)
                {
                    pool.Return(free);
                }
            }
        }
    }
}
