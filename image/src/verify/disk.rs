//! Size, partition table and file systems.

use super::check::{Checked, End, Status};
use crate::card::Card;
use crate::ext4::{self, WriteError};
use crate::fat::Fat;
use crate::mbr::Partition;
use crate::report::Report;

const GROWN: &str = "the first boot makes it fill the card";

/// The size, the disk id and the partitions.
pub(super) fn table(card: &Card, report: &Report, is_used: bool) -> Vec<Checked> {
    let mut checks = vec![size(card, report)];
    let id = format!("{:08x}", card.mbr().disk_id());
    checks.push(if id == report.disk_id {
        Checked::same("disk id")
    } else {
        // Raspberry Pi OS gives every card an id of its own at its first boot. Without one that is also
        // what a card of another image looks like; its paths will say.
        let why = format!(
            "it is {id}, the image had {}: a first boot changes it",
            report.disk_id
        );
        Checked::new("disk id", Status::Expected, why)
    });
    for wanted in &report.partitions {
        let mut there = card.mbr().partitions();
        let found = there.find(|partition| partition.number == wanted.number);
        checks.push(partition(wanted, found, is_used));
    }
    for extra in card.mbr().partitions() {
        if report
            .partitions
            .iter()
            .all(|wanted| wanted.number != extra.number)
        {
            let what = format!("partition {}", extra.number);
            checks.push(Checked::new(
                what,
                Status::Differs,
                "the image has none of this number",
            ));
        }
    }
    checks
}

fn size(card: &Card, report: &Report) -> Checked {
    let (is, was) = (card.size(), report.size);
    let why = format!("{is} bytes, the image had {was}");
    match is.cmp(&was) {
        std::cmp::Ordering::Equal => Checked::same("size"),
        std::cmp::Ordering::Greater => Checked::new("size", Status::Expected, why),
        std::cmp::Ordering::Less => Checked::new("size", Status::Differs, why),
    }
}

fn partition(wanted: &Partition, found: Option<&Partition>, is_used: bool) -> Checked {
    let what = format!("partition {}", wanted.number);
    let Some(found) = found else {
        return Checked::new(what, Status::Differs, "it is gone");
    };
    if found == wanted {
        return Checked::same(what);
    }
    let longer = Partition {
        length: wanted.length,
        ..*found
    };
    if is_used && longer == *wanted && found.length > wanted.length {
        return Checked::new(what, Status::Expected, format!("{}: {GROWN}", found.length));
    }
    let shown = |partition: &Partition| {
        format!(
            "type {}, {} from {}",
            partition.kind,
            partition.length,
            partition.start.count()
        )
    };
    let why = format!("it is {}, and was {}", shown(found), shown(wanted));
    Checked::new(what, Status::Differs, why)
}

/// What the checkers say.
pub(super) fn file_systems(card: &Card, end: End) -> Vec<Checked> {
    let mut checks = Vec::new();
    let mut table = |result, what: &str| {
        checks.push(match result {
            Ok(()) => Checked::same(what),
            Err(why) => Checked::new(what, Status::Differs, why),
        });
    };
    if let Ok(boot) = card.mbr().boot() {
        table(
            Fat::check(card.path(), boot).map_err(|error| chain(&error)),
            "FAT file system",
        );
    }
    let what = "ext4 file system";
    checks.push(if let Some(why) = card.root().unclean() {
        let why = format!("{why}: it was not checked");
        Checked::new(what, Status::Skipped, why)
    } else {
        ext4_check(card, end, what)
    });
    checks
}

fn ext4_check(card: &Card, end: End, what: &str) -> Checked {
    let Ok(root) = card.mbr().root() else {
        return Checked::new(what, Status::Differs, "there is none");
    };
    match ext4::fsck(card.path(), root) {
        Ok(()) => Checked::same(what),
        // The kernel counts what is free when it mounts, and writes the sum when it unmounts.
        Err(WriteError::Damaged { problem, .. }) if end == End::Replayed => {
            let why = format!("it was not shut down, and not mended since: {problem}");
            Checked::new(what, Status::Skipped, why)
        }
        Err(WriteError::Damaged { problem, .. }) => Checked::new(
            what,
            Status::Differs,
            format!("e2fsck finds it damaged: {problem}"),
        ),
        Err(error) => Checked::new(what, Status::Skipped, chain(&error)),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
