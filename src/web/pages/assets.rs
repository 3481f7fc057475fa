//! What pages load beside themselves: one style sheet, one script, one icon, all in the program. Their addresses change with
//! what they hold, so a browser may keep them for ever. Pure.

/// One file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    name: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    /// What it holds.
    pub(super) text: &'static str,
    hash: u64,
}

/// How pages look.
pub(super) const STYLE: Asset = Asset::new("style.css", "text/css; charset=utf-8", include_str!("assets/style.css"));
/// Keeps them fresh.
pub(super) const SCRIPT: Asset =
    Asset::new("live.js", "text/javascript; charset=utf-8", include_str!("assets/live.js"));
/// A weir.
pub(super) const ICON: Asset = Asset::new("icon.svg", "image/svg+xml", include_str!("assets/icon.svg"));

const ALL: [Asset; 3] = [STYLE, SCRIPT, ICON];

impl Asset {
    const fn new(name: &'static str, kind: &'static str, text: &'static str) -> Asset {
        Asset { name, kind, text, hash: hash(text.as_bytes()) }
    }

    /// Where it is.
    pub(super) fn address(&self) -> String {
        format!("/assets/{:016x}/{}", self.hash, self.name)
    }

    /// The one at this address.
    pub(super) fn at(address: &str) -> Option<Asset> {
        ALL.into_iter().find(|asset| asset.address() == address)
    }
}

/// FNV-1a.
const fn hash(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
