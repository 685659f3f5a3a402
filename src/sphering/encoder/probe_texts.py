"""The 64 texts of the probe; never edited, since stored probes hold their vectors."""

from __future__ import annotations

_LONG_ENGLISH = (
    "A nightly pipeline reads what changed since yesterday, encodes it, measures the geometry of what it has got and "
    "only then lets the search service see it. When a number is out of bounds the release is held back, and the "
    "people on call read in the morning which number it was, what it had been the night before, and which documents "
    "moved it. "
)
_LONG_VIETNAMESE = (
    "Hà Nội là thủ đô của nước Cộng hòa Xã hội chủ nghĩa Việt Nam, nằm về phía tây bắc của trung tâm vùng đồng bằng "
    "châu thổ sông Hồng. Thành phố có lịch sử hơn một nghìn năm, với nhiều đền chùa, hồ nước và khu phố cổ. "
)

PROBE_TEXTS: tuple[str, ...] = (
    # Short English.
    "hello",
    "My card has not arrived yet.",
    "How do I reset my password?",
    "The quick brown fox jumps over the lazy dog.",
    "Refund",
    "What is the exchange rate for euros today?",
    "A man is playing a large flute.",
    "no",
    # One character, white space, punctuation.
    "a",
    " ",
    "   \t\n  ",
    ".",
    "?!",
    "0",
    "é",
    "中",
    # Numbers, names, addresses.
    "3.14159265358979",
    "2026-11-24T03:00:00Z",
    "+49 30 901820",
    "https://example.org/a/b?c=d&e=f#g",
    "user@example.com",
    "SHA-256",
    "£1,234.56 (incl. VAT)",
    "x" * 200,
    # Longer English, around the padded lengths and beyond the usual limits.
    _LONG_ENGLISH,
    _LONG_ENGLISH * 2,
    _LONG_ENGLISH * 6,
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
    "word " * 126,
    "word " * 600,
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
    # Vietnamese, with and without diacritics.
    "cà phê",
    "ca phe",
    "Tôi muốn đổi mật khẩu tài khoản của mình.",
    "Toi muon doi mat khau tai khoan cua minh.",
    "Nhấp chuột phải vào ô rồi chọn Định dạng Ô.",
    _LONG_VIETNAMESE,
    _LONG_VIETNAMESE * 4,
    "đường phố, dưỡng sinh, đưỡng",
    # Other languages and scripts.
    "Größe, Straße und Übermaß",
    "Où est la bibliothèque ?",
    "¿Dónde está la estación de tren?",
    "Все счастливые семьи похожи друг на друга.",
    "Ελληνική γλώσσα",
    "مرحبا بالعالم",
    "שלום עולם",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "今日は良い天気ですね。",
    "机器学习模型把文本变成向量。",
    "한국어 문장을 벡터로 바꿉니다.",
    # Emoji, combining and rare characters.
    "🙂",
    "👩‍👩‍👧‍👦 family 🇻🇳",
    "cafe\u0301 and café",
    "ﬁne ﬂow ½ Ⅻ ㎏",
    "zero\u200bwidth\u00a0space",
    "𝒲𝒽𝒾𝓉𝑒𝓃𝒾𝓃𝑔",
    # Code and markup.
    "def f(x):\n    return [y ** 2 for y in range(x) if y % 2]\n",
    "SELECT doc_id, count(*) FROM shards GROUP BY ALL ORDER BY 2 DESC;",
    '{"id": 1, "name": "Ada", "tags": ["a", "b"], "score": null}',
    "<p>Hello, <b>world</b> &amp; all</p>",
    "$ grep -rn 'TODO' src/ | wc -l",
    "\\frac{1}{n}\\sum_{i=1}^{n} x_i = \\mu",
)
