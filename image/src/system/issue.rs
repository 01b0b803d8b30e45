//! The note that the maker of Raspberry Pi OS leaves in its images.

/// What `/etc/rpi-issue` says (on the FAT partition: `issue.txt`). Fields that it lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Issue {
    /// `2026-06-18`: the day the image was made.
    pub date: String,
    /// `stage2` is Lite, `stage4` has a desktop, `stage5` is Full.
    pub stage: String,
    /// The commit of the recipes that it was made from.
    pub commit: String,
}

impl Issue {
    /// Where it is.
    pub(crate) const PATHS: [&'static str; 2] = ["/etc/rpi-issue", "/boot/firmware/issue.txt"];

    /// Reads the note: `Raspberry Pi reference DATE`, then `Generated using NAME, URL, COMMIT, STAGE`.
    /// Lines of other forms are passed over.
    pub fn parse(text: &str) -> Self {
        let mut issue = Self::default();
        for line in text.lines().map(str::trim) {
            if let Some((_, date)) = line.split_once("reference ") {
                date.trim().clone_into(&mut issue.date);
            } else if line.starts_with("Generated using ") {
                let mut parts = line.rsplit(',').map(str::trim);
                let (stage, commit) = (parts.next(), parts.next());
                let stage = stage.filter(|stage| stage.starts_with("stage"));
                stage.unwrap_or_default().clone_into(&mut issue.stage);
                let is_commit = |text: &&str| text.len() >= 7 && text.bytes().all(is_hex);
                let commit = commit.filter(is_commit).unwrap_or_default();
                commit.clone_into(&mut issue.commit);
            }
        }
        issue
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

#[cfg(test)]
mod tests {
    use super::Issue;

    #[test]
    fn the_note_of_an_image_tells_its_day_and_stage() {
        let issue = Issue::parse(
            "Raspberry Pi reference 2026-06-18\nGenerated using pi-gen, https://example.com/pi-gen, 314262cb0a, stage2\n",
        );
        assert_eq!(issue.date, "2026-06-18");
        assert_eq!(issue.stage, "stage2");
        assert_eq!(issue.commit, "314262cb0a");
    }

    #[test]
    fn another_text_tells_nothing() {
        for text in [
            "",
            "Generated using",
            "Generated using a hammer, yesterday",
            "\0\u{ff}",
        ] {
            assert_eq!(Issue::parse(text), Issue::default());
        }
    }
}
