
(function () {
  "use strict";
  var root = document.documentElement;
  var themes = ["automatic", "light", "dark"];
  var theme = "automatic";
  // A browser may forbid pages without a server to keep anything.
  try { theme = localStorage.getItem("rcpolicy-theme") || theme; } catch (e) { theme = "automatic"; }
  function dress() {
    if (themes.indexOf(theme) < 0) { theme = "automatic"; }
    if (theme === "automatic") { root.removeAttribute("data-theme"); } else { root.setAttribute("data-theme", theme); }
  }
  dress();
  function switchable(button) {
    function name() { button.textContent = "Colours: " + theme; }
    name();
    button.hidden = false;
    button.addEventListener("click", function () {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      try { localStorage.setItem("rcpolicy-theme", theme); } catch (e) { root.removeAttribute("data-kept"); }
      dress();
      name();
    });
  }
  function searchable(form) {
    var query = form.querySelector("input"), least = form.querySelector("select"), told = form.querySelector("output");
    var body = document.querySelector("#packages tbody");
    var rows = Array.prototype.slice.call(body.rows);
    form.hidden = false;
    function shows(row, words) {
      var counts = { e: +row.dataset.e, w: +row.dataset.w, o: +row.dataset.o };
      var enough = { any: true, note: counts.e + counts.w + counts.o > 0, warning: counts.e + counts.w > 0, error: counts.e > 0 };
      return enough[least.value] && words.every(function (word) { return row.dataset.f.indexOf(word) >= 0; });
    }
    function look() {
      var words = query.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
      rows.forEach(function (row) {
        var visible = shows(row, words);
        row.hidden = !visible;
        shown += visible ? 1 : 0;
        var section = row.dataset.s && document.getElementById(row.dataset.s);
        if (section) { section.hidden = !visible; }
      });
      told.textContent = shown === rows.length ? rows.length + " packages" : shown + " of " + rows.length;
    }
    query.addEventListener("input", look);
    least.addEventListener("change", look);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    document.querySelectorAll("[data-search]").forEach(function (button) {
      button.addEventListener("click", function () {
        query.value = button.dataset.search;
        look();
        form.scrollIntoView();
        query.focus({ preventScroll: true });
      });
    });
    look();
    sortable(body, rows);
  }
  function sortable(body, rows) {
    var heads = Array.prototype.slice.call(document.querySelectorAll("#packages thead th[data-key]"));
    heads.forEach(function (head) {
      head.querySelector("button").addEventListener("click", function () {
        var key = head.dataset.key, text = key === "n";
        var up = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "descending" : text;
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.sort(function (a, b) {
          var x = a.dataset[key], y = b.dataset[key];
          var order = text ? (x < y ? -1 : x > y ? 1 : 0) : x - y;
          return (up ? order : -order) || (a.dataset.n < b.dataset.n ? -1 : a.dataset.n > b.dataset.n ? 1 : 0);
        });
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
  }
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme"), form = document.querySelector("form.search");
    if (button) { switchable(button); }
    if (form) { searchable(form); }
  });
})();
