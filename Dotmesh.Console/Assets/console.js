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
  copy: (text) => navigator.clipboard ? navigator.clipboard.writeText(text).then(() => true, () => false) : false,
};
