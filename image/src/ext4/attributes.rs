//! Extended attributes of what is removed: those that don't fit into an inode have a block, and `debugfs`
//! forgets to free that.

/// Where `stat` tells of the block.
const BLOCK: &str = "File ACL: ";

/// The script that asks about each of `paths`, which are quoted.
pub(super) fn question(paths: &[String]) -> String {
    let mut script = String::new();
    for path in paths {
        script.push_str("stat ");
        script.push_str(path);
        script.push('\n');
    }
    script
}

/// Whether `answer`, what `debugfs` says to [`question`], tells of a block of attributes.
pub(super) fn have_blocks(answer: &str) -> bool {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix(BLOCK))
        .any(|block| block.trim() != "0")
}
