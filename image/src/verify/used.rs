//! Whether a card has run.

use crate::card::{Card, CardError};
use crate::report::Report;
use crate::system::MachineId;

/// By what it is seen; empty if nothing says so.
pub(super) fn evidence(card: &Card, report: &Report) -> Result<Vec<String>, CardError> {
    let mut evidence = Vec::new();
    if card.first_boot()?.machine_id == MachineId::Set {
        evidence.push("/etc/machine-id has a number".to_owned());
    }
    if card.root().mount_count() > 0 {
        evidence.push("its root file system was mounted".to_owned());
    }
    let id = format!("{:08x}", card.mbr().disk_id());
    if id != report.disk_id {
        evidence.push(format!(
            "its disk id is {id}, the image had {}",
            report.disk_id
        ));
    }
    Ok(evidence)
}
