//! The style of the HTML page. It loads nothing from elsewhere.

/// The style sheet.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1c2430;--quiet:#5a6675;--line:#dde2e8;\
--bad:#b3261e;--bad-soft:#fbe9e7;--warn:#8a5a00;--warn-soft:#fdf1d8;--good:#1b6e3c;--good-soft:#e3f4e9;--code:#f0f2f5;\
--v0:#1f6f8b;--v1:#5b8fd6;--v2:#9a7bd0;--v3:#d08a3e;--v4:#c2607e;--v5:#7a8794}\
@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b2129;--text:#e6eaf0;--quiet:#9aa6b5;--line:#303945;\
--bad:#ff9c92;--bad-soft:#3d1f1d;--warn:#f0bf62;--warn-soft:#3a2d12;--good:#7fd6a0;--good-soft:#16331f;--code:#242c37;\
--v0:#48a5c4;--v1:#7ba6e8;--v2:#b196e2;--v3:#dd9f5a;--v4:#d97f9a;--v5:#8b98a6}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{max-width:1120px;margin:0 auto;padding:24px 20px 48px}\
h1{font-size:1.5rem;margin:0 0 4px}h2{font-size:1.15rem;margin:0 0 12px}\
h3{font-size:1rem;margin:0 0 8px;display:flex;flex-wrap:wrap;gap:4px 10px;align-items:baseline}\
p{margin:0 0 8px}.quiet{color:var(--quiet);font-weight:400}\
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:18px 20px;margin-top:16px}\
code,pre{font:.875em/1.45 ui-monospace,'SF Mono',Menlo,Consolas,monospace;overflow-wrap:anywhere}\
pre{margin:0;white-space:pre-wrap;background:var(--code);border-radius:4px;padding:6px 8px;max-height:24em;overflow:auto}\
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(128px,1fr));gap:10px;margin-top:16px}\
.tile{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--line);border-radius:8px;padding:10px 14px}\
.tile b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}\
.tile.problem{border-left-color:var(--bad)}.tile.problem b{color:var(--bad)}\
.tile.notice{border-left-color:var(--warn)}.tile.notice b{color:var(--warn)}\
.tile.fine{border-left-color:var(--good)}.tile.fine b{color:var(--good)}\
.badge{display:inline-block;border-radius:4px;padding:0 7px;font-size:.8125rem;font-weight:600;line-height:1.6;white-space:nowrap}\
.badge.problem{background:var(--bad-soft);color:var(--bad)}.badge.notice{background:var(--warn-soft);color:var(--warn)}\
.badge.fine{background:var(--good-soft);color:var(--good)}\
.bar{display:flex;height:26px;border-radius:6px;overflow:hidden;gap:2px;margin-bottom:12px}\
.bar span{min-width:4px}\
.v0{background:var(--v0)}.v1{background:var(--v1)}.v2{background:var(--v2)}.v3{background:var(--v3)}\
.v4{background:var(--v4)}.v5{background:var(--v5)}\
.key{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:6px 20px}\
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:7px}\
table{border-collapse:collapse;width:100%}\
th{text-align:left;font-size:.8125rem;color:var(--quiet);font-weight:600;padding:0 12px 6px 0}\
td{border-top:1px solid var(--line);padding:8px 12px 8px 0;vertical-align:top;overflow-wrap:anywhere}\
td:last-child,th:last-child{padding-right:0}\
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.drift{table-layout:fixed}.object{width:26%}\
.group{border-top:1px solid var(--line);padding:12px 0}.group:first-of-type{border-top:0;padding-top:0}\
.group:last-child{padding-bottom:0}\
details summary{cursor:pointer;color:var(--quiet)}details p{margin:6px 0 0}\
.names code{background:var(--code);border-radius:4px;padding:1px 5px;display:inline-block;max-width:100%;margin:1px 0}\
@media (max-width:640px){main{padding:16px 12px 32px}section{padding:14px}\
.stack thead{display:none}.stack tr{display:block;border-top:1px solid var(--line);padding:8px 0}\
.stack tr:first-child{border-top:0}\
.stack td{display:block;border:0;padding:3px 0;text-align:left}\
.object{width:auto}.stack td[data-label]:not(:empty)::before{content:attr(data-label);display:block;font-size:.75rem;color:var(--quiet)}\
.stack td:empty{display:none}}\
@media print{section,.tile{break-inside:avoid}pre{max-height:none}}";
