// What the components cannot do by themselves.
window.dotmesh = {
  dark: () => {
    const kept = localStorage.getItem("dotmesh-dark");
    return kept === null ? matchMedia("(prefers-color-scheme: dark)").matches : kept === "yes";
  },
  keepDark: (dark) => localStorage.setItem("dotmesh-dark", dark ? "yes" : "no"),
  // tells a page that somebody is there, at most once a minute, and renews the cookie
  watch: (page) => {
    let told = Date.now();
    const seen = () => {
      if (Date.now() - told < 60000) return;
      told = Date.now();
      page.invokeMethodAsync("Touched");
      fetch("alive");
    };
    addEventListener("pointerdown", seen, true);
    addEventListener("keydown", seen, true);
  },
  // where else the same page is, should this node go
  others: (addresses) => {
    const list = document.getElementById("other-nodes");
    list.replaceChildren(...addresses.filter((address) => address !== location.hostname).map((address) => {
      const link = document.createElement("a");
      link.href = `${location.protocol}//${address.includes(":") ? `[${address}]` : address}:${location.port || (location.protocol === "https:" ? 443 : 80)}${location.pathname}${location.search}`;
      link.textContent = address;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
  },
  focus: (id) => [0, 60, 150, 300].forEach((after) => setTimeout(() => {
    const field = document.getElementById(id);
    if (field && !field.closest("[role=dialog]")?.contains(document.activeElement)) field.focus();
  }, after)),
  copy: (text) => navigator.clipboard ? navigator.clipboard.writeText(text).then(() => true, () => false) : false,
};

// Items of a menu are reached by the arrow keys; the library's ones do nothing on Enter.
addEventListener("keydown", (key) => {
  const item = document.activeElement;
  if ((key.key === "Enter" || key.key === " ") && item?.getAttribute("role") === "menuitem") {
    key.preventDefault();
    item.click();
  }
}, true);

// The node behind this page was lost. When it is back its memory of the page is gone: the page is loaded anew, at the same address.
const gone = document.getElementById("components-reconnect-modal");
if (gone) {
  let asking;
  const back = () => fetch("alive", { redirect: "manual" }).then(() => location.reload(), () => {});
  gone.addEventListener("components-reconnect-state-changed", (change) => {
    if (change.detail.state === "rejected") location.reload();
    if (change.detail.state === "failed") asking ??= setInterval(back, 3000);
  });
  document.getElementById("try-again").addEventListener("click", back);
}
