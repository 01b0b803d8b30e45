//! Mount points: what stands before all topics of a listener's clients, who don't see it.

use crate::codec::Text;
use crate::topic;

/// The topic that a client's topic is, or `None` if it would be too long.
pub(super) fn mounted(mount_point: &str, topic: &Text) -> Option<Text> {
    if mount_point.is_empty() {
        return Some(topic.clone());
    }
    let name = Text::new(&format!("{mount_point}{topic}"))?;
    topic::validate_name(&name).is_ok().then_some(name)
}

/// The filter that a client's filter is, or `None` if it would be too long. A shared one keeps its group.
pub(super) fn mounted_filter(mount_point: &str, filter: &Text) -> Option<Text> {
    if mount_point.is_empty() {
        return Some(filter.clone());
    }
    let filter = match topic::shared(filter) {
        Some((group, filter)) => format!("$share/{group}/{mount_point}{filter}"),
        None => format!("{mount_point}{filter}"),
    };
    let filter = Text::new(&filter)?;
    topic::validate_filter(&filter).is_ok().then_some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_stands_before_topics_and_within_shared_subscriptions() {
        let text = |text: &str| Text::new(text).unwrap();
        assert_eq!(mounted("cabin/", &text("a/b")), Some(text("cabin/a/b")));
        assert_eq!(mounted("", &text("a/b")), Some(text("a/b")));
        assert_eq!(mounted_filter("cabin/", &text("#")), Some(text("cabin/#")));
        assert_eq!(
            mounted_filter("cabin/", &text("$share/g/a/+")),
            Some(text("$share/g/cabin/a/+"))
        );
        let long = text(&"a".repeat(65_535));
        assert_eq!(mounted("b", &long), None);
        assert_eq!(mounted_filter("b", &long), None);
    }
}
