"use strict";
// Tables sort by a click (or Enter) on a heading and filter by any text in a row.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((h) => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const keyed = [...body.rows].map((row) => {
      const text = row.cells[column].dataset.key;
      const number = text === "inf" ? Infinity : Number(text);
      return { row, text, number };
    });
    const numeric = keyed.every((k) => k.text !== "" && !Number.isNaN(k.number));
    const sign = rising ? 1 : -1;
    keyed.sort((a, b) => {
      if (!numeric) return sign * a.text.localeCompare(b.text, "en", { numeric: true });
      if (a.number === b.number) return 0;
      // What is missing stays last, whichever way the rest goes.
      if (a.number === Infinity) return 1;
      if (b.number === Infinity) return -1;
      return sign * (a.number - b.number);
    });
    body.append(...keyed.map((k) => k.row));
  }));
}
for (const input of document.querySelectorAll("input[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
  const count = document.querySelector(`[data-count="${input.dataset.filter}"]`);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  });
}
