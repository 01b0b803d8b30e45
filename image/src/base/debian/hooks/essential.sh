#!/bin/sh
# Runs once dpkg works and before anything else is installed; $1 is the root directory.
#
# Under an emulator these take minutes, and installing packages runs them again and again, or in vain:
# customize.sh makes the initrd and the list of modules once, and host keys are made on the Pi.
set -eu

for program in depmod update-initramfs; do
    chroot "$1" dpkg-divert --local --rename \
        --divert "/usr/sbin/$program.real" --add "/usr/sbin/$program"
    ln -s /bin/true "$1/usr/sbin/$program"
done

mkdir -p "$1/etc/ssh"
for kind in rsa ecdsa ed25519; do
    : >"$1/etc/ssh/ssh_host_${kind}_key"
done
