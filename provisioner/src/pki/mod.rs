//! The site's certificate authority and the certificates it issues.

mod authority;
mod import;
mod inspect;
pub mod key;
mod pem;
mod revocation;
mod san;

pub use authority::{Authority, Issued, Subject};
pub use import::{ImportError, check_authority, import_authority};
pub use inspect::{Summary, is_issued_by, site_id, summarize, summarize_der};
pub use pem::{PemError, certificate, check_key_pair};
pub use revocation::{RevocationList, Revoked};
pub use san::{AltName, AltNameError};

/// How long a server or client certificate is valid. Phones refuse more than 825 days
/// (Apple support 103769); five days are left for clocks that differ.
pub const LEAF_DAYS: i64 = 820;

/// How long the authority is valid: people install it on phones by hand, so seldom.
pub const AUTHORITY_DAYS: i64 = 3653;

/// How far certificates begin in the past. A Raspberry Pi has no clock of its own and starts with
/// the time of its last shutdown or of its image, which may be before the moment of issue.
pub const BACKDATE_DAYS: i64 = 1;
