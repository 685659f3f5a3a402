"""The colours of the page's plots, for a light page; `report.js` has those of a dark one."""

RAW = "#b4632a"
RAW_FILL = "rgba(180,99,42,0.16)"
TRANSFORMED = "#1f6f78"
TRANSFORMED_FILL = "rgba(31,111,120,0.16)"
LAW = "#7d7a72"
INK = "#5b5850"
GRID = "#e6e2d8"
HOVER = "#fffdf8"
REST = "#b9b5aa"
LABELS = ("#0072b2", "#ee6677", "#a06b00", "#332288", "#8c2d04", "#588cff")
"""Of the largest labels: at least 0.11 apart in OKLab, also as people see them who lack a kind of cone (Machado et al.
2009), and 3 : 1 against the paper."""
SYMBOLS = ("circle", "diamond")
SPACES = {"raw": (RAW, RAW_FILL), "transformed": (TRANSFORMED, TRANSFORMED_FILL)}
