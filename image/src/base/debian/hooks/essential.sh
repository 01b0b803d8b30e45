#!/bin/sh
# Runs once dpkg works and before anything else is installed; $1 is the root directory.
#
# Under an emulator these take minutes, and installing packages runs them again and again, or in vain:
# customize.sh makes the initrd and the list of modules once, and host keys are made on the Pi.
set -eu

# PROVISION_DEPMOD is where its package has it: before trixie that is /sbin, and dpkg only knows a file by
# the name that its package gives it.
for program in "$PROVISION_DEPMOD" /usr/sbin/update-initramfs; do
    chroot "$1" dpkg-divert --local --rename --divert "$program.real" --add "$program"
    ln -s /bin/true "$1$program"
done

mkdir -p "$1/etc/ssh"
for kind in rsa ecdsa ed25519; do
    : >"$1/etc/ssh/ssh_host_${kind}_key"
done
