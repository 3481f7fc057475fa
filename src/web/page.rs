//! The page at `/addresses`: which there are beside the dashboard.

/// HTML without scripts, styles or anything from elsewhere.
pub(super) const ADDRESSES: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>pgweir</title>
<h1>pgweir</h1>
<ul>
<li><a href="/">/</a>: the dashboard
<li><a href="/healthz">/healthz</a>: 200 while the process serves
<li><a href="/readyz">/readyz</a>: 200 when a server connection can be had, 503 with the reason otherwise
<li><a href="/metrics">/metrics</a>: Prometheus
<li><a href="/api/pools">/api/pools</a>: the pools, JSON; <code>?database=&amp;user=&amp;limit=</code>
<li><a href="/api/clients">/api/clients</a>: the clients, JSON; <code>?database=&amp;user=&amp;application_name=&amp;limit=</code>
<li><a href="/api/statements">/api/statements</a>: the statements, JSON; <code>?database=&amp;user=&amp;application_name=&amp;digest=&amp;limit=</code>
<li><a href="/api/slow">/api/slow</a>: the slow ones, JSON; the same, and <code>reason=all</code>
<li><a href="/api/findings">/api/findings</a>: what is wrong with them, JSON; the same
<li><a href="/api/problems">/api/problems</a>: what the first page says is wrong, JSON; <code>?limit=</code>
<li><a href="/api/history">/api/history</a>: how it was, JSON; <code>?range=15m|6h|48h&amp;since=&amp;database=&amp;user=&amp;digest=</code>
</ul>
</html>
"#;
