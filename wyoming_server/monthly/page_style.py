"""How a scorecard looks: in light, in dark, on a phone, and on paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#f4f5f4;--card:#fff;--ink:#16201f;--quiet:#55605f;--line:#dfe4e3;--soft:#eef3f2;
--hub:#0a9396;--cloud:#ee7b30;--failed:#8b9593;--capture:#8b9593;--inference:#2f7fd1;--hold:#e9b949;--post:#8f63c4;
--transport:#0a9396;--good:#0b6e4f;--bad:#a8331c;--mark:#0a9396;--shade:0 1px 2px #0d1f1d14,0 6px 24px #0d1f1d0d}
@media (prefers-color-scheme:dark){:root{--paper:#0e1413;--card:#171f1e;--ink:#e8eeed;--quiet:#a3afad;--line:#2c3735;
--soft:#1e2827;--hub:#2bb3ad;--cloud:#f08a45;--failed:#7d8886;--capture:#7d8886;--inference:#5aa2ec;--hold:#e0b24a;
--post:#b08be0;--transport:#2bb3ad;--good:#5fd0a5;--bad:#ff9a80;--mark:#2bb3ad;--shade:none}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:58rem;padding:2rem 1.25rem 3rem;font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
h1,h2,h3,p,ul,ol,dl,dd,figure,table{margin:0;padding:0}
header{display:grid;grid-template-columns:1fr auto;gap:.25rem 1rem;align-items:end;margin-bottom:1.25rem}
.brand{display:flex;gap:.5rem;align-items:center;color:var(--quiet);font-weight:600}
.brand svg{inline-size:1.6rem;block-size:1.6rem}.brand path{fill:none;stroke-linecap:round;stroke-linejoin:round}
.roof{stroke:var(--hub);stroke-width:24}.sound{stroke:var(--cloud);stroke-width:22}
h1{font-size:clamp(2rem,6vw,3rem);line-height:1.1;letter-spacing:-.02em}
.pill{justify-self:end;border:1px solid var(--line);border-radius:99px;padding:.15rem .8rem;color:var(--quiet);
font-size:.875rem;white-space:nowrap}
nav{display:flex;flex-wrap:wrap;gap:.35rem;margin:0 0 1rem}
nav a,nav b{border-radius:.5rem;padding:.2rem .6rem;font-size:.875rem;font-weight:500;text-decoration:none;
color:var(--ink);border:1px solid var(--line)}
nav a:hover{border-color:var(--mark)}nav b{background:var(--ink);color:var(--card);border-color:var(--ink)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
.told{font-size:clamp(1.2rem,3.2vw,1.6rem);line-height:1.4;letter-spacing:-.01em;margin-bottom:1.5rem;
text-wrap:pretty}
.told strong{font-weight:650;box-shadow:inset 0 -.42em 0 color-mix(in srgb,var(--hub) 26%,transparent)}
.told strong.c{box-shadow:inset 0 -.42em 0 color-mix(in srgb,var(--cloud) 30%,transparent)}
section{background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:1.35rem 1.5rem 1.5rem;
margin-bottom:1rem;box-shadow:var(--shade)}
h2{font-size:1.2rem;letter-spacing:-.01em}h3{font-size:1rem;margin-top:1.25rem}
.note{color:var(--quiet);font-size:.9rem;margin:.15rem 0 1rem;max-width:44rem;text-wrap:pretty}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));gap:.75rem;margin-bottom:1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:.9rem 1.1rem 1rem;
box-shadow:var(--shade)}
.tile dt{color:var(--quiet);font-size:.875rem}
.tile dd{font-size:2rem;font-weight:600;line-height:1.25;letter-spacing:-.02em}
.tile dd.below{font-size:.875rem;font-weight:400;letter-spacing:0;color:var(--quiet);line-height:1.4}
.good,.bad{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}
.next{border-color:color-mix(in srgb,var(--mark) 45%,var(--line));background:
color-mix(in srgb,var(--mark) 6%,var(--card))}
.next ol{list-style:none;counter-reset:n;display:grid;gap:.9rem;margin-top:.9rem}
.next li{counter-increment:n;display:grid;grid-template-columns:1.75rem 1fr;gap:.75rem;text-wrap:pretty}
.next li::before{content:counter(n);display:grid;place-items:center;inline-size:1.75rem;block-size:1.75rem;
border-radius:50%;background:var(--ink);color:var(--card);font-size:.875rem;font-weight:700}
.next.well li{grid-template-columns:1fr}.next.well li::before{content:none}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--soft);border-radius:.3em;
padding:.1em .35em;overflow-wrap:anywhere}
figure+figure{margin-top:1.5rem}
figcaption{font-weight:600;margin-bottom:.15rem}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;list-style:none;color:var(--quiet);font-size:.85rem;
margin-bottom:.35rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.legend svg{inline-size:1.1rem;block-size:.7rem;flex:none}
svg{display:block}
.chart{inline-size:100%;block-size:auto}
.chart text{font-size:12px;fill:var(--quiet);font-family:inherit}
.chart .strong{fill:var(--ink);font-weight:600}
.narrow{display:none}
.grid{stroke:var(--line)}.axis{stroke:var(--quiet)}.budget{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}
.edge{stroke:var(--card)}.track{fill:var(--line)}.weave{stroke:var(--card);stroke-width:2;stroke-opacity:.6}
.f-hub{fill:var(--hub)}.f-cloud{fill:var(--cloud)}.f-failed{fill:var(--failed)}.f-capture{fill:var(--capture)}
.f-inference{fill:var(--inference)}.f-hold{fill:var(--hold)}.f-post{fill:var(--post)}.f-transport{fill:var(--transport)}
.l-hub,.l-cloud{fill:none;stroke-width:2.5;stroke-linejoin:round;stroke-linecap:round}
.l-hub{stroke:var(--hub)}.l-cloud{stroke:var(--cloud);stroke-dasharray:7 4}
.d-hub{fill:var(--hub);stroke:var(--card);stroke-width:1.5}.d-cloud{fill:var(--cloud);stroke:var(--card);
stroke-width:1.5}.u-hub{fill:var(--hub);fill-opacity:.1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;inline-size:100%;font-size:.925rem}
caption{text-align:start;color:var(--quiet);font-size:.9rem;padding-bottom:.5rem}
th{font-weight:500;color:var(--quiet);font-size:.85rem;text-align:end;vertical-align:bottom}
th,td{padding:.45rem .6rem;border-bottom:1px solid var(--line)}
td{text-align:end;white-space:nowrap}
th:first-child,td:first-child{text-align:start;padding-inline-start:0;white-space:normal}
tbody th{color:var(--ink);font-weight:600;font-size:.925rem;vertical-align:top}td{vertical-align:top}
.note+.scroll,.scroll+.note{margin-top:1rem}figure+.scroll{margin-top:1.25rem}.scroll+.note{margin-bottom:0}
tr>:last-child{padding-inline-end:0}tbody tr:last-child>*{border-bottom:0}
td small{color:var(--quiet);font-size:.8rem;display:block}
td svg{inline-size:7rem;block-size:1rem;margin-inline-start:auto}
.facts{display:grid;gap:.1rem}
.facts li,.happened li{display:grid;grid-template-columns:9.5rem 1fr;gap:.1rem 1rem;padding:.45rem 0;
border-bottom:1px solid var(--line);list-style:none}
.facts li:last-child,.happened li:last-child{border-bottom:0}
time,.kind{color:var(--quiet);font-size:.875rem}
details{margin-top:1rem;color:var(--quiet)}summary{cursor:pointer;font-size:.9rem}
details table{margin-top:.5rem;color:var(--ink)}
footer{color:var(--quiet);font-size:.85rem;padding:.5rem .25rem;text-wrap:pretty}footer p+p{margin-top:.5rem}
@media (max-width:40rem){body{padding:1.25rem .75rem 2rem}section{padding:1.1rem 1rem 1.2rem}.wide{display:none}
.narrow{display:block}.tiles{grid-template-columns:1fr 1fr;gap:.5rem}.tile{padding:.7rem .8rem}
.tile dd{font-size:1.55rem}.facts li,.happened li{grid-template-columns:1fr}header{grid-template-columns:1fr}
.pill{justify-self:start}}
@media screen and (max-width:40rem){section>.scroll table,section>.scroll tbody{display:block}
section>.scroll thead{position:absolute;clip-path:inset(50%);inline-size:1px;block-size:1px;overflow:hidden}
section>.scroll tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
section>.scroll tr:last-child{border-bottom:0}section>.scroll tbody th{display:block;padding:.1rem 0;border:0}
section>.scroll td{display:flex;justify-content:space-between;gap:1rem;padding:.1rem 0;border:0}
section>.scroll td::before{content:attr(data-of);color:var(--quiet);font-size:.875rem;white-space:normal;
text-align:start}}
@media print{@page{size:A4;margin:14mm}:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#16201f;--quiet:#55605f;
--line:#d3d9d8;--soft:#eef3f2;--hub:#0a9396;--cloud:#ee7b30;--failed:#8b9593;--capture:#8b9593;--inference:#2f7fd1;
--hold:#e9b949;--post:#8f63c4;--transport:#0a9396;--good:#0b6e4f;--bad:#a8331c;--mark:#0a9396;--shade:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{padding:0;max-width:none;font-size:10.5pt}
section,.tile,figure,tr,.next li{break-inside:avoid}h2{break-after:avoid}nav,details{display:none}.wide{display:block}
.narrow{display:none}.tiles{grid-template-columns:repeat(4,1fr);gap:.5rem}.tile dd{font-size:1.4rem}}
"""
STYLE_SHA256 = "MUx1GZ2pohoBj6R3Bn3onx7SFdvW9JNlrHNfVAstrOs="
"""Its digest, base64: written down, since working it out would load OpenSSL (2 MB). A test checks it."""
