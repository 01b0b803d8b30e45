#!/bin/sh
# Runs when all packages are installed; $1 is the root directory, standard input the empty image.
#
# From the environment: PROVISION_DISK_ID (MBR disk id, 8 hex digits), PROVISION_ROOT_UUID,
# PROVISION_MODULES (initrd modules), PROVISION_DEPMOD (where its package has it), PROVISION_SOURCES
# (apt's sources on the card), SOURCE_DATE_EPOCH. All of it is settled by the builder, which
# runs this as root or as root of a user namespace: here files have the owners that they shall have
# on the card, so that the file systems are made here and not outside.
set -eu
export LC_ALL=C TZ=UTC
root=$1
# The image is only known by its open file: its folder may be closed to this user. Standard input is
# something else inside of a pipeline.
exec 3<&0
image=/proc/self/fd/3

# Raspberry Pi OS's layout, in sectors of 512 bytes and in MiB.
boot_first=16384
boot_mib=512
root_first=1064960

# Runs a command that sees the tree alone. find and mke2fs take whatever lies below their folder, and
# mmdebstrap has mounted /proc and its like there: a bind mount over the tree, in a mount namespace
# that ends with the command, hides them, and empty folders hide what stands in for devices and what
# mmdebstrap still needs in /tmp.
bare() {
    if ! unshare --mount true 2>/dev/null; then
        # Where nobody may mount, nothing should be mounted; what is belongs to this computer, and
        # must not get onto a card.
        if grep -F " $root/" /proc/self/mounts >&2; then
            echo 'E: this computer allows no mount namespace to hide these mounts' >&2
            exit 1
        fi
        "$@"
        return
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount sh -euc '
        mount --bind "$1" "$1"
        mount -t tmpfs -o mode=755 tmpfs "$1/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
        touch --date="@$SOURCE_DATE_EPOCH" "$1/dev" "$1/tmp"
        shift
        "$@"
    ' sh "$root" "$@"
}

settings() {
    # A card whose boot partition is slow or broken is still a broker: without nofail it would stop at
    # a prompt for root's password, which nobody has.
    cat >"$root/etc/fstab" <<FSTAB
proc            /proc           proc    defaults          0       0
PARTUUID=$PROVISION_DISK_ID-01  /boot/firmware  vfat    defaults,nofail,x-systemd.device-timeout=10min  0  2
PARTUUID=$PROVISION_DISK_ID-02  /               ext4    defaults,noatime  0       1
FSTAB
    # raspi-firmware writes cmdline.txt from these after every kernel update. A fixed CMA size keeps
    # a Pi 4 from booting.
    cat >"$root/etc/default/raspi-firmware" <<FIRMWARE
CMA=0
CONSOLES="ttyS1,115200 tty1"
ROOTPART="PARTUUID=$PROVISION_DISK_ID-02"
FIRMWARE
    printf 'rootfstype=ext4\n' >"$root/etc/default/raspi-extra-cmdline"
    # What was installed came from a folder of packages that were checked one by one; the card gets its
    # updates from Debian, with signatures.
    printf '%s\n' "$PROVISION_SOURCES" >"$root/etc/apt/sources.list"
    printf '%s\n' raspberrypi >"$root/etc/hostname"
    printf '%s\n' '127.0.0.1 localhost' '::1 localhost ip6-localhost ip6-loopback' \
        '127.0.1.1 raspberrypi' >"$root/etc/hosts"
    printf 'LANG=C.UTF-8\n' >"$root/etc/default/locale"
    # Raspberry Pi OS's placeholder of the login user: no password, no shell, to be renamed.
    groups=
    for group in adm dialout cdrom audio users sudo video games plugdev input render netdev; do
        if grep -q "^$group:" "$root/etc/group"; then groups=$groups${groups:+,}$group; fi
    done
    chroot "$root" useradd --uid 1000 --user-group --create-home --shell /usr/sbin/nologin \
        --groups "$groups" pi
}

initrd() {
    for program in "$PROVISION_DEPMOD" /usr/sbin/update-initramfs; do
        rm "$root$program"
        chroot "$root" dpkg-divert --local --rename --remove "$program"
    done
    for release in "$root"/lib/modules/*; do
        depmod --basedir "$root" "${release##*/}"
    done
    sed -i -e 's/^MODULES=.*/MODULES=list/' -e 's/^FSTYPE=.*/FSTYPE=ext4/' \
        -e 's/^COMPRESS=.*/COMPRESS=gzip/' "$root/etc/initramfs-tools/initramfs.conf"
    for module in $PROVISION_MODULES; do
        printf '%s\n' "$module"
    done >>"$root/etc/initramfs-tools/modules"
    # Runs raspi-firmware's hook too, which fills /boot/firmware.
    chroot "$root" update-initramfs -c -k all
}

# What belongs to this build and not to the card. mmdebstrap does the same, but after this hook.
tidy() {
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old \
        "$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/var/cache/ldconfig/aux-cache
    rm -f "$root"/etc/resolv.conf "$root"/etc/ssh/ssh_host_*_key* "$root"/var/lib/dbus/machine-id \
        "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/systemd/random-seed
    sed -i /force-unsafe-io/d "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
    find "$root/var/log" -type f -delete
    printf 'uninitialized\n' >"$root/etc/machine-id"
    bare find "$root" -xdev -newermt "@$SOURCE_DATE_EPOCH" \
        -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

boot_partition() {
    truncate --size="$((root_first * 512))" "$image"
    # The label is lower case, as everything that mounts LABEL=bootfs expects.
    mkfs.vfat --invariant -F 32 -s 1 -i "$PROVISION_DISK_ID" -n bootfs -h "$boot_first" \
        --offset "$boot_first" "$image" "$((boot_mib * 1024))"
    # One by one, in an order that does not depend on the file system of this computer.
    (
        cd "$root/boot/firmware"
        volume=$image@@$((boot_first * 512))
        find . -mindepth 1 -type d | sort | while read -r folder; do
            mmd -i "$volume" "::${folder#./}"
        done
        find . -type f | sort | while read -r file; do
            mcopy -i "$volume" -m "$file" "::${file#./}"
        done
    )
    find "$root/boot/firmware" -mindepth 1 -delete
    touch --date="@$SOURCE_DATE_EPOCH" "$root/boot/firmware"
}

root_partition() {
    # 20 % and 200 MiB to spare, in steps of 8 MiB, as Raspberry Pi OS's images have them.
    # Blocks are counted here, since what a folder takes is another thing on every file system.
    used=$(bare find "$root" -xdev -printf '%D:%i %y %s\n' | sort --unique |
        awk '{ blocks += $2 == "f" ? int(($3 + 4095) / 4096) : 1 } END { print int(blocks / 256) + 1 }')
    size=$(((used * 12 / 10 + 200 + 7) / 8 * 8))
    truncate --size="$((root_first * 512 + size * 1024 * 1024))" "$image"
    # All features by name, so that they don't depend on the computer's mke2fs.conf.
    features=none,has_journal,ext_attr,resize_inode,dir_index,orphan_file,filetype,extent,flex_bg
    features=$features,metadata_csum,metadata_csum_seed,sparse_super,large_file,dir_nlink,extra_isize
    bare env "E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH" mke2fs -q -F -t ext4 -b 4096 -I 256 -L rootfs \
        -U "$PROVISION_ROOT_UUID" -O "$features" \
        -E "offset=$((root_first * 512)),hash_seed=$PROVISION_ROOT_UUID" \
        -d "$root" "$image" "${size}M"
}

# Lines with this prefix are shown to whoever waits.
say() {
    printf 'provision: %s\n' "$*"
}

say 'writing settings'
settings
say 'making the initrd'
initrd
say 'tidying up'
tidy
say 'making the boot partition'
boot_partition
say 'making the root partition'
root_partition
