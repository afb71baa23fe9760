// The page: its data, its theme, and what is drawn where.

const content = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
const drawings = content.curves.map((description) => drawCurves(description, main));
content.tables.forEach((description) => drawTable(description, main));

const asked = window.matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme");

function isDark() {
  const chosen = document.documentElement.style.colorScheme;
  return chosen ? chosen === "dark" : asked.matches;
}

function retheme() {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} theme`);
  drawings.forEach((drawing) => drawing.draw());
}

button.addEventListener("click", () => {
  document.documentElement.style.colorScheme = isDark() ? "light" : "dark";
  retheme();
});
asked.addEventListener("change", retheme);
button.hidden = false;
retheme();
document.documentElement.dataset.drawn = "true";
