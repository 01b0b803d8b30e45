//! How the root file system is mounted.

use super::ORIGIN;
use crate::bake::base::Base;
use crate::recipe::system::SdCard;

const FSTAB: &str = "/etc/fstab";

pub(super) fn apply(base: &mut Base<'_>, card: &SdCard) -> anyhow::Result<()> {
    let Some(before) = base.text(FSTAB)? else {
        return Ok(());
    };
    match edited(&before, card) {
        Some(after) if after != before => base.write(FSTAB, after, ORIGIN),
        Some(_) => Ok(()),
        None => {
            base.warn("the base's /etc/fstab has no root file system: system.sd-card's noatime and commit-interval have no effect");
            Ok(())
        }
    }
}

/// The table with other options for `/`; all else stays as it is, spaces and comments included.
fn edited(text: &str, card: &SdCard) -> Option<String> {
    let mut found = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let spans = fields(line);
        let is_root = spans.len() >= 4
            && !line.trim_start().starts_with('#')
            && &line[spans[1].clone()] == "/";
        if !is_root {
            return line.to_owned();
        }
        found = true;
        let options = spans[3].clone();
        format!(
            "{}{}{}",
            &line[..options.start],
            with(&line[options.clone()], card),
            &line[options.end..]
        )
    });
    let text = lines.collect();
    found.then_some(text)
}

fn with(options: &str, card: &SdCard) -> String {
    let ours = |option: &&str| {
        !option.starts_with("commit=") && !matches!(*option, "noatime" | "relatime" | "atime")
    };
    let mut options: Vec<_> = options.split(',').filter(ours).map(str::to_owned).collect();
    if card.noatime {
        options.push("noatime".to_owned());
    }
    if card.commit_interval != 5 {
        options.push(format!("commit={}", card.commit_interval));
    }
    if options.is_empty() {
        "defaults".to_owned()
    } else {
        options.join(",")
    }
}

/// Where the fields of a line are.
fn fields(line: &str) -> Vec<std::ops::Range<usize>> {
    let mut spans = Vec::new();
    let mut start = None;
    for (index, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (start, c.is_ascii_whitespace()) {
            (None, false) => start = Some(index),
            (Some(from), true) => {
                spans.push(from..index);
                start = None;
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::system::Swap;

    fn card(noatime: bool, commit_interval: u32) -> SdCard {
        SdCard {
            swap: Swap::Keep,
            noatime,
            commit_interval,
        }
    }

    #[test]
    fn only_the_options_of_the_root_file_system_change() {
        let text = "# a comment /\nproc            /proc           proc    defaults          0       0\n\
                    PARTUUID=a-02  /               ext4    defaults,noatime  0       1";
        insta::assert_snapshot!(edited(text, &card(true, 60)).unwrap(), @r"
        # a comment /
        proc            /proc           proc    defaults          0       0
        PARTUUID=a-02  /               ext4    defaults,noatime,commit=60  0       1
        ");
        let back = edited("x / ext4 noatime,commit=30 0 1\n", &card(false, 5)).unwrap();
        assert_eq!(back, "x / ext4 defaults 0 1\n");
    }

    #[test]
    fn a_table_without_a_root_file_system_is_told_of() {
        assert_eq!(
            edited("proc /proc proc defaults 0 0\n", &card(true, 60)),
            None
        );
    }
}
