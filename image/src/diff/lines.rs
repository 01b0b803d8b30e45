//! How two texts differ, line by line.

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Up to this many pairs of lines are compared; of longer texts the differing middle is shown as a whole.
const MOST_PAIRS: usize = 4 << 20;

/// What happened to a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It stayed: its numbers in both texts.
    Keep,
    /// It went.
    Delete,
    /// It came.
    Insert,
}

/// The lines in which `new` differs from `old`, in the unified form of diff, without a header.
///
/// A last line without an end is marked as diff marks it.
pub fn unified(old: &str, new: &str) -> String {
    let old: Vec<_> = old.split_inclusive('\n').collect();
    let new: Vec<_> = new.split_inclusive('\n').collect();
    let steps = steps(&old, &new);
    let mut text = String::new();
    for hunk in hunks(&steps) {
        write_hunk(&mut text, &steps, hunk, &old, &new);
    }
    text
}

/// The shortest way from one text to the other, deletions first.
fn steps(old: &[&str], new: &[&str]) -> Vec<Step> {
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let head = same(&mut old.iter().zip(new));
    let (old, new) = (&old[head..], &new[head..]);
    let tail = same(&mut old.iter().rev().zip(new.iter().rev()));
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let mut steps = vec![Step::Keep; head];
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        steps.extend(vec![Step::Delete; old.len()]);
        steps.extend(vec![Step::Insert; new.len()]);
    } else {
        steps.extend(middle(old, new));
    }
    steps.extend(vec![Step::Keep; tail]);
    steps
}

/// By the longest common subsequence: `longest[i][j]` is that of the lines from `i` and from `j` on.
fn middle(old: &[&str], new: &[&str]) -> Vec<Step> {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut steps) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        let step = if i < old.len() && j < new.len() && old[i] == new[j] {
            Step::Keep
        } else if j == new.len()
            || (i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            Step::Delete
        } else {
            Step::Insert
        };
        i += usize::from(step != Step::Insert);
        j += usize::from(step != Step::Delete);
        steps.push(step);
    }
    steps
}

/// Ranges of steps with their surroundings; those that touch are one.
fn hunks(steps: &[Step]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| **step != Step::Keep)
    {
        let hunk = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(steps.len());
        match hunks.last_mut() {
            Some(last) if last.end >= hunk.start => last.end = hunk.end,
            _ => hunks.push(hunk),
        }
    }
    hunks
}

fn write_hunk(
    text: &mut String,
    steps: &[Step],
    hunk: std::ops::Range<usize>,
    old: &[&str],
    new: &[&str],
) {
    let count = |steps: &[Step], other: Step| steps.iter().filter(|step| **step != other).count();
    let before = &steps[..hunk.start];
    let (mut i, mut j) = (count(before, Step::Insert), count(before, Step::Delete));
    let inside = &steps[hunk];
    let place = |at: usize, lines: usize| match lines {
        0 => format!("{at},0"),
        1 => format!("{}", at + 1),
        _ => format!("{},{lines}", at + 1),
    };
    let from = place(i, count(inside, Step::Insert));
    let to = place(j, count(inside, Step::Delete));
    for part in ["@@ -", &from, " +", &to, " @@\n"] {
        text.push_str(part);
    }
    for step in inside {
        let (mark, line) = match step {
            Step::Keep => (' ', old[i]),
            Step::Delete => ('-', old[i]),
            Step::Insert => ('+', new[j]),
        };
        i += usize::from(*step != Step::Insert);
        j += usize::from(*step != Step::Delete);
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_are_shown_with_their_surroundings() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\nten";
        insta::assert_snapshot!(unified(old, new), @r"
        @@ -2,8 +2,9 @@
         2
         3
         4
        -5
        +five
         6
         7
         8
         9
        +ten
        \ No newline at end of file
        ");
        assert_eq!(unified(old, old), "");
        assert_eq!(unified("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
    }

    proptest! {
        /// What `patch` makes of it is the new text.
        #[test]
        fn applied_to_the_old_text_it_gives_the_new_one(
            old in "([abc]\n){0,12}[abc]?",
            new in "([abc]\n){0,12}[abc]?",
        ) {
            prop_assert_eq!(applied(&old, &unified(&old, &new)), new);
        }
    }

    /// The slow, obvious reader of the format.
    fn applied(old: &str, diff: &str) -> String {
        let old: Vec<_> = old.split_inclusive('\n').collect();
        let (mut at, mut new) = (0, String::new());
        let mut lines = diff.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            if let Some(head) = line.strip_prefix("@@ -") {
                let from = head
                    .split([',', ' '])
                    .next()
                    .unwrap()
                    .parse::<usize>()
                    .unwrap();
                let none = head.split(' ').next().unwrap().ends_with(",0");
                let start = if none { from } else { from - 1 };
                new.extend(old[at..start].iter().copied());
                at = start;
                continue;
            }
            let bare = lines.peek().is_some_and(|next| next.starts_with('\\'));
            let body = if bare {
                line[1..].trim_end_matches('\n')
            } else {
                &line[1..]
            };
            match &line[..1] {
                " " => {
                    assert_eq!(old[at], body);
                    new.push_str(body);
                    at += 1;
                }
                "-" => {
                    assert_eq!(old[at], body);
                    at += 1;
                }
                "+" => new.push_str(body),
                _ => {}
            }
        }
        new.extend(old[at..].iter().copied());
        new
    }
}
