//! Several images of one base: what is done once for all of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{AssembleRequest, Entry, ImageSize, Overlay, Silent, Staged, prepare_from, stage};
use tempfile::TempDir;

use crate::support::{
    Bench, Features, WHEN, assert_sound, at_root, debugfs, overlay, run, tool, write,
};

fn request<'a>(base: &'a Path, output: &'a Path, overlay: &'a Overlay) -> AssembleRequest<'a> {
    AssembleRequest {
        base,
        output,
        overlay,
        free: 0,
        size: ImageSize::AsNeeded,
        limit: None,
        timestamp: WHEN,
        disk_id: None,
    }
}

fn named(name: &str) -> Overlay {
    overlay([("/etc/hostname", Entry::file(name, 0o644, "test"))])
}

/// Makes the image of `request`, and returns its size and by how much it has grown.
fn make(request: &AssembleRequest<'_>, staged: Option<&Staged>) -> (u64, u64) {
    let report = prepare_from(request, staged, &mut Silent)
        .and_then(image::Assembled::commit)
        .unwrap();
    assert_sound(request.output);
    (report.size, report.grown)
}

#[test]
fn where_nothing_is_saved_nothing_is_made_ready() {
    let bench = Bench::new(Features::Trixie);
    let (base, output, overlay) = (bench.base(), bench.output(), named("one"));
    let before = bench.names();
    let staged = stage(&request(&base, &output, &overlay), &mut Silent).unwrap();
    assert!(staged.is_none());
    assert_eq!(bench.names(), before);
}

#[test]
fn images_are_resized_once_and_the_shared_copy_goes_at_the_end() {
    for features in Features::BOTH {
        let bench = Bench::new(features);
        let (base, before) = (bench.base(), bench.names());
        let base_size = fs::metadata(&base).unwrap().len();
        let sizes = [ImageSize::Exactly(200 << 20), ImageSize::Smallest];
        for size in sizes {
            let overlays = ["one", "two"].map(named);
            let outputs = ["one.img", "two.img"].map(|name| bench.path(name));
            let with = |index: usize| AssembleRequest {
                size,
                free: 1 << 20,
                ..request(&base, &outputs[index], &overlays[index])
            };
            let staged = stage(&with(0), &mut Silent).unwrap().unwrap();
            let copy = staged.path().to_owned();
            let about = || (fs::metadata(&copy).unwrap().ino(), fs::read(&copy).unwrap());
            let ready = about();
            for (index, name) in ["one", "two"].into_iter().enumerate() {
                let (size, grown) = make(&with(index), Some(&staged));
                assert_eq!(size, ready.1.len() as u64, "it was resized again");
                assert_eq!(grown, size.saturating_sub(base_size));
                assert_eq!(debugfs(&outputs[index], "cat /etc/hostname"), name);
            }
            assert!(about() == ready, "the shared copy was written to");
            drop(staged);
            for output in &outputs {
                fs::remove_file(output).unwrap();
            }
            assert_eq!(bench.names(), before);
        }
    }
}

#[test]
fn an_image_that_needs_more_than_the_others_gets_it() {
    let bench = Bench::new(Features::Trixie);
    let (base, small) = (bench.base(), named("small"));
    let big = overlay([(
        "/usr/bin/big",
        Entry::file(vec![7; 60 << 20], 0o755, "test"),
    )]);
    let outputs = ["small.img", "big.img"].map(|name| bench.path(name));
    let with = |index: usize, overlay| AssembleRequest {
        free: 40 << 20,
        ..request(&base, &outputs[index], overlay)
    };
    let first = with(0, &small);
    let staged = stage(&first, &mut Silent).unwrap().unwrap();
    let (small_size, _) = make(&first, Some(&staged));
    let second = with(1, &big);
    let (big_size, _) = make(&second, Some(&staged));
    assert!(
        big_size > small_size + (30 << 20),
        "{small_size} {big_size}"
    );
}

#[test]
fn damage_of_the_base_is_told_by_the_name_of_the_base() {
    let bench = Bench::new(Features::Trixie);
    let (base, output, overlay) = (bench.base(), bench.output(), named("one"));
    for command in ["clri /usr/bin/true", "freei /etc/hostname"] {
        run(tool("debugfs").args(["-w", "-R", command, &at_root(&base)]));
    }
    let with = AssembleRequest {
        free: 300 << 20,
        ..request(&base, &output, &overlay)
    };
    let error = match stage(&with, &mut Silent) {
        Err(error) => error,
        Ok(staged) => prepare_from(&with, staged.as_ref(), &mut Silent).unwrap_err(),
    };
    let text = error.to_string();
    assert!(text.contains("base.img damaged"), "{text}");
}

/// A file system on a loop device that shares data among files; unmounted when dropped.
struct Mounted {
    folder: TempDir,
}

impl Mounted {
    /// Nothing, with a word, where there are no loop devices or one may not use them.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "truncate -s 1G disk; mkfs.btrfs -q disk; mkdir mount; mount -o loop disk mount";
        let made = Command::new("sh")
            .args(["-euc", &format!("PATH=$PATH:/usr/sbin:/sbin; {script}")])
            .current_dir(folder.path())
            .output()
            .unwrap();
        if !made.status.success() {
            let error = String::from_utf8_lossy(&made.stderr);
            println!("skipped: nothing can be mounted ({})", error.trim());
            return None;
        }
        Some(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("mount").join(name)
    }

    /// The bytes in use, once everything is written.
    fn used(&self) -> u64 {
        let mount = self.folder.path().join("mount");
        let mut sync = Command::new("sync");
        assert!(sync.arg("-f").arg(&mount).status().unwrap().success());
        let about = rustix::fs::statvfs(&mount).unwrap();
        (about.f_blocks - about.f_bfree) * about.f_frsize
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mount = self.folder.path().join("mount");
        Command::new("umount").arg(mount).status().unwrap();
    }
}

#[test]
fn on_a_file_system_that_shares_data_each_image_takes_its_own_writes_alone() {
    let Some(mounted) = Mounted::new() else {
        return;
    };
    let filling = |tree: &Path| write(&tree.join("usr/bin/filling"), vec![7; 12 << 20]);
    let bench = Bench::with(Features::Trixie, filling);
    let (base, before) = (bench.base(), mounted.used());
    let overlays = ["one", "two", "three"].map(named);
    let outputs = ["one.img", "two.img", "three.img"].map(|name| mounted.path(name));
    // The base is elsewhere: one copy is here for all.
    let staged = stage(&request(&base, &outputs[0], &overlays[0]), &mut Silent).unwrap();
    assert!(staged.is_some());
    for (output, overlay) in outputs.iter().zip(&overlays) {
        make(&request(&base, output, overlay), staged.as_ref());
    }
    drop(staged);
    let used = mounted.used() - before;
    assert!(used > 12 << 20 && used < 20 << 20, "{used}");
    // From a base that is here, nothing has to be copied.
    let here = mounted.path("base.img");
    fs::copy(&base, &here).unwrap();
    let again = mounted.path("again.img");
    let staged = stage(&request(&here, &again, &overlays[0]), &mut Silent).unwrap();
    assert!(staged.is_none());
}
