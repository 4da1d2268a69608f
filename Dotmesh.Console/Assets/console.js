// What the components cannot do by themselves.
window.dotmesh = {
  dark: () => {
    const kept = localStorage.getItem("dotmesh-dark");
    return kept === null ? matchMedia("(prefers-color-scheme: dark)").matches : kept === "yes";
  },
  keepDark: (dark) => localStorage.setItem("dotmesh-dark", dark ? "yes" : "no"),
  copy: (text) => navigator.clipboard ? navigator.clipboard.writeText(text).then(() => true, () => false) : false,
};
