"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  // The figures are drawn in the light palette; these are the same colours for a dark page.
  const atNight = {
    "#b4632a": "#e29a63", "rgba(180,99,42,0.16)": "rgba(226,154,99,0.16)",
    "#1f6f78": "#62b8c1", "rgba(31,111,120,0.16)": "rgba(98,184,193,0.16)",
    "#7d7a72": "#a29c8f", "#5b5850": "#b9b3a6", "#e6e2d8": "#34322d", "#fffdf8": "#24221e",
  };
  const coloured = (figure) =>
    JSON.parse(JSON.stringify(figure), (_, value) => (dark.matches && atNight[value]) || value);

  async function library() {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function draw() {
    for (const [name, figure] of Object.entries(figures)) {
      const { data, layout } = coloured(figure);
      window.Plotly.react(`plot-${name}`, data, layout, { displayModeBar: false, responsive: true, scrollZoom: false });
    }
    document.documentElement.dataset.plots = "drawn";
  }

  library().then(() => {
    draw();
    dark.addEventListener("change", draw);
  });
})();
