"use strict";
(() => {
  const { figures, map } = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 720px)");
  const coarse = window.matchMedia("(pointer: coarse)");
  let printing = false;
  // The figures are drawn in the light palette; these are the same colours for a dark page.
  const atNight = {
    "#b4632a": "#e29a63", "rgba(180,99,42,0.16)": "rgba(226,154,99,0.16)",
    "#1f6f78": "#62b8c1", "rgba(31,111,120,0.16)": "rgba(98,184,193,0.16)",
    "#7d7a72": "#a29c8f", "#5b5850": "#b9b3a6", "#e6e2d8": "#34322d", "#fffdf8": "#24221e", "#b9b5aa": "#6a665c",
    "#0072b2": "#88ccee", "#ee6677": "#e69f00", "#a06b00": "#f0e442", "#332288": "#8f6bd6", "#8c2d04": "#d55e00",
    "#588cff": "#44aa99",
  };
  const coloured = (figure) =>
    JSON.parse(JSON.stringify(figure), (_, value) => (dark.matches && !printing && atNight[value]) || value);

  async function library() {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  // The map's figure has no points: they are those of the space and of the column of labels that were chosen.
  function chosenMap() {
    const space = map.spaces[document.querySelector("[name=map-space]:checked").value];
    const column = document.getElementById("map-column");
    const traces = map.columns[column ? column.value : Object.keys(map.columns)[0]];
    const data = traces.map((trace) => ({
      ...trace, x: trace.meta.map((point) => space.x[point]), y: trace.meta.map((point) => space.y[point]),
    }));
    const { layout } = structuredClone(figures.map);
    [layout.xaxis.title.text, layout.yaxis.title.text] = space.titles;
    if (narrow.matches && !printing) {
      Object.assign(layout.legend, { orientation: "h", x: 0, y: -0.15, entrywidth: 240 });
    }
    if (coarse.matches) layout.dragmode = false;
    return { data, layout };
  }

  async function draw(name) {
    const plot = document.getElementById(`plot-${name}`);
    if (!plot.offsetWidth) return;  // folded: drawn when it is opened
    const { data, layout } = coloured(name === "map" ? chosenMap() : figures[name]);
    const options = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset" };
    await window.Plotly.react(plot, data, layout, options);
    // Paper is not as wide as the window: there the pictures scale as a whole.
    for (const part of plot.querySelectorAll(".main-svg")) {
      part.setAttribute("viewBox", `0 0 ${part.getAttribute("width")} ${part.getAttribute("height")}`);
    }
  }

  const drawAll = () => Promise.all(Object.keys(figures).map(draw));

  // A link to a definition opens what it stands in.
  function open() {
    const target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (folded && !folded.open) {
      folded.open = true;
      target.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", open);
  open();

  library().then(async () => {
    await drawAll();
    document.documentElement.dataset.plots = "drawn";
    for (const media of [dark, narrow]) media.addEventListener("change", () => printing || drawAll());
    for (const choice of document.querySelectorAll(".choices input, .choices select")) {
      choice.addEventListener("change", () => draw("map"));
    }
    for (const folded of document.querySelectorAll("details")) folded.addEventListener("toggle", drawAll);
    let opened = [];
    window.addEventListener("beforeprint", () => {
      if (printing) return;
      printing = true;
      opened = [...document.querySelectorAll("details:not([open])")];
      for (const folded of opened) folded.open = true;
      drawAll();
    });
    window.addEventListener("afterprint", () => {
      printing = false;
      for (const folded of opened) folded.open = false;
      drawAll();
    });
  });
})();
