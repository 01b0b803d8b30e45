#!/bin/sh
# What `provision` does on a machine that runs. Called as: sh -c "$(cat host.sh)" provision MARK VERB ...
#
# Standard input is first whatever comes before the line MARK (a password that sudo may have taken), then
# the verb's own input. What is printed on standard output is for a program, on standard error for people.
set -eu
umask 022
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

home=/usr/local/lib/mqtt-broker
etc=/etc/mqtt-broker
program=/usr/local/bin/mqtt-broker
state=/var/lib/mqtt-provision
data=/var/lib/mqtt-broker
unit=mqtt-broker.service

die() {
    printf '%s\n' "$1" >&2
    exit "${2:-1}"
}

# --- Looking -------------------------------------------------------------------------------------------

# What anybody may see. NAME=VALUE a line.
facts() {
    printf 'uid=%s\n' "$(id -u)"
    printf 'hostname=%s\n' "$(uname -n)"
    printf 'machine=%s\n' "$(uname -m)"
    # The first bytes of a program that runs here: a 64-bit kernel may have 32-bit programs.
    printf 'elf=%s\n' "$(od -A n -v -t x1 -N 40 /proc/self/exe | tr -d ' \n')"
    printf 'glibc=%s\n' "$(getconf GNU_LIBC_VERSION 2>/dev/null || true)"
    printf 'system=%s\n' "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true)"
    if [ -d /run/systemd/system ]; then
        printf 'systemd=%s\n' "$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
    fi
    printf 'id=%s\n' "$(sha256sum /etc/machine-id 2>/dev/null | cut -c 1-32 || true)"
    if command -v sudo >/dev/null; then printf 'sudo=yes\n'; fi
    for tool in tar sha256sum stat readlink mktemp; do
        command -v "$tool" >/dev/null || printf 'lacks=%s\n' "$tool"
    done
}

# Free KiB of the file system that a path is or would be on.
free() {
    folder=$1
    while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
    df -P -k "$folder" | sed 1d | {
        read -r _ _ _ available _
        printf '%s\n' "$available"
    }
}

# inspect PORT...: the state of the machine, then one line for each path in the input:
# PATH, kind, mode, owner, digest or target, with tabs between.
inspect() {
    printf 'current=%s\n' "$(readlink "$home/current" 2>/dev/null || true)"
    printf 'active=%s\n' "$(systemctl is-active "$unit" 2>/dev/null || true)"
    printf 'free=%s\n' "$(free "$home")"
    for path in "$home/current" "$etc" "$program"; do
        if [ -e "$path" ] && [ ! -L "$path" ]; then printf 'foreign=%s\n' "$path"; fi
    done
    for port; do
        command -v ss >/dev/null || break
        ss -H -l -t -n -p "sport = :$port" | grep -v '"mqtt-broker"' |
            sed -n 's/^.*users:(("\([^"]*\)",pid=\([0-9]*\).*$/held='"$port"' \1 \2/p' | head -n 1
    done
    printf 'paths\n'
    while IFS= read -r path; do
        if [ -L "$path" ]; then
            printf '%s\tlink\t-\t-\t%s\n' "$path" "$(readlink "$path")"
        elif [ -f "$path" ]; then
            printf '%s\tfile\t%s\t%s\n' "$path" "$(stat -c '%a	%U:%G' "$path")" \
                "$(sha256sum <"$path" | cut -c 1-64)"
        elif [ -d "$path" ]; then
            printf '%s\tfolder\t%s\t-\n' "$path" "$(stat -c '%a	%U:%G' "$path")"
        fi
    done
}

# --- Changing ------------------------------------------------------------------------------------------

lock() {
    mkdir -p "$state"
    chmod 700 "$state"
    if command -v flock >/dev/null; then
        exec 9>"$state/lock"
        flock -n 9 || die "another push to this machine is under way" 75
    fi
}

# switch_to RELEASE: the one moment in which everything changes.
switch_to() {
    ln -s -f -n "releases/$1" "$home/current.new"
    mv -T -f "$home/current.new" "$home/current"
    sync
}

# What lies below the current folder, but for the broker's own releases; with "-type ..." of find.
entries() { find . -mindepth 1 "$@" ! -path ".$home" ! -path ".$home/*" | sed 's/^\.//' | sort; }

# Puts what lies below $1 into its place, file by file, and notes what it was for uninstall.
lay() {
    (cd "$1" && entries -type d) | while IFS= read -r path; do
        [ ! -d "$path" ] || continue
        mkdir "$path"
        chmod --reference="$1$path" "$path"
        printf '%s\n' "$path" >>"$state/laid-folders"
    done
    (cd "$1" && entries ! -type d) | while IFS= read -r path; do
        cp -P -p "$1$path" "$path.provision-new"
        mv -T -f "$path.provision-new" "$path"
        printf '%s\n' "$path" >>"$state/laid"
    done
}

# Keeps what will be replaced.
remember() {
    rm -rf "$state/undo"
    mkdir -p "$state/undo/files"
    readlink "$home/current" >"$state/undo/release" 2>/dev/null || true
    : >"$state/undo/absent"
    (cd "$1" && entries ! -type d) | while IFS= read -r path; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            mkdir -p "$state/undo/files$(dirname "$path")"
            cp -P -p "$path" "$state/undo/files$path"
        else
            printf '%s\n' "$path" >>"$state/undo/absent"
        fi
    done
    if systemctl is-enabled --quiet "$unit" 2>/dev/null; then : >"$state/undo/enabled"; fi
    if id -u mqtt-broker >/dev/null 2>&1; then : >"$state/undo/user"; fi
    if [ -d "$data" ]; then : >"$state/undo/data"; fi
    sync
    : >"$state/undo/whole"
}

# make_room RELEASE: takes one of that name away. If it is in use, a copy of it is from now on.
make_room() {
    [ -d "$home/releases/$1" ] || return 0
    if [ "$(readlink "$home/current")" = "releases/$1" ]; then
        rm -rf "$home/releases/$1-before"
        cp -a "$home/releases/$1" "$home/releases/$1-before"
        switch_to "$1-before"
    fi
    rm -rf "$home/releases/${1:?}"
}

# apply RELEASE UNIT...: takes a tar archive of everything and switches to it. What was there comes back if
# a unit doesn't start.
apply() {
    release=$1
    shift
    lock
    [ ! -e "$state/undo/whole" ] || undo_now
    mkdir -p "$home/releases"
    incoming=$(mktemp -d "$home/.incoming-XXXXXX")
    trap leave EXIT
    tar -x -p -f - -C "$incoming" || die "the archive could not be unpacked"
    new=$incoming$home/releases/$release
    "$new/bin/mqtt-broker" -h >/dev/null 2>&1 || die "the broker does not run on this machine: $("$new/bin/mqtt-broker" -h 2>&1 | tail -n 1)"
    # The same contents are the same release, unless somebody has edited it in place.
    if ! diff -r -q "$new" "$home/releases/$release" >/dev/null 2>&1; then make_room "$release"; fi
    remember "$incoming"
    if [ ! -d "$home/releases/$release" ]; then mv "$new" "$home/releases/$release"; fi
    lay "$incoming"
    said=$(systemd-sysusers mqtt-broker.conf 2>&1) || fail "the service's user could not be made: $said"
    said=$(systemd-tmpfiles --create mqtt-broker.conf 2>&1) || fail "the keys could not be opened to the service: $said"
    sync
    switch_to "$release"
    systemctl daemon-reload
    printf '%s\n' "$@" >"$state/units"
    systemctl enable --quiet "$@" || fail "the service could not be enabled"
    systemctl reset-failed "$@" 2>/dev/null || true
    systemctl restart "$@" || fail "the service does not start"
}

# However apply ends: half of it is taken back.
leave() {
    status=$?
    rm -rf "$incoming"
    if [ "$status" -ne 0 ] && [ -e "$state/undo/whole" ]; then undo_now; fi
}

# Says why, and what the broker said.
fail() {
    printf '%s\n' "$1" >&2
    said >&2
    exit 70
}

said() {
    journalctl --unit "$unit" --lines 12 --output cat --no-pager 2>/dev/null | sed 's/^/broker: /' || true
}

# Takes back what apply did.
undo_now() {
    [ -e "$state/undo/whole" ] || die "there is nothing to take back"
    old=$(cat "$state/undo/release")
    if [ -z "$old" ]; then
        systemctl disable --now --quiet "$unit" 2>/dev/null || true
        rm -f "$home/current"
    fi
    (cd "$state/undo/files" && entries ! -type d) | while IFS= read -r path; do
        cp -P -p "$state/undo/files$path" "$path.provision-new"
        mv -T -f "$path.provision-new" "$path"
    done
    while IFS= read -r path; do rm -f "$path"; done <"$state/undo/absent"
    if [ -n "$old" ]; then
        switch_to "${old#releases/}"
        systemctl daemon-reload
        systemctl restart "$unit" || true
    fi
    [ -n "$old" ] || rm -rf "$home"
    [ -e "$state/undo/data" ] || rm -rf "$data"
    [ -e "$state/undo/user" ] || userdel mqtt-broker 2>/dev/null || true
    if [ ! -e "$state/undo/enabled" ]; then systemctl disable --quiet "$unit" 2>/dev/null || true; fi
    systemctl daemon-reload
    rm -rf "$state/undo"
    sync
}

undo() {
    lock
    said >&2
    undo_now
}

# The push was proved: what was kept for the case that it failed goes, but for one release to go back to.
finish() {
    lock
    old=$(cat "$state/undo/release" 2>/dev/null || true)
    now=$(readlink "$home/current")
    for folder in "$home"/releases/*; do
        case releases/${folder##*/} in
        "$old" | "$now") ;;
        *) rm -rf "$folder" ;;
        esac
    done
    rm -rf "$state/undo" "$home"/.incoming-*
    printf '%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${SUDO_USER:-root} $now" >>"$state/pushes"
}

# uninstall data|no-data: removes what pushes have laid here.
uninstall() {
    lock
    [ -L "$home/current" ] || die "there is no broker of provision's here" 66
    for name in "$unit" $(cat "$state/units" 2>/dev/null || true); do
        systemctl disable --now --quiet "$name" 2>/dev/null || true
    done
    if [ -e "$state/laid" ]; then
        while IFS= read -r path; do rm -f "$path"; done <"$state/laid"
    fi
    if [ -e "$state/laid-folders" ]; then
        # What somebody else has put something into stays.
        sort -r "$state/laid-folders" | while IFS= read -r path; do rmdir "$path" 2>/dev/null || true; done
    fi
    rm -f "$etc" "$program" "/etc/systemd/system/$unit" /usr/lib/sysusers.d/mqtt-broker.conf \
        /usr/lib/tmpfiles.d/mqtt-broker.conf "/etc/systemd/system/multi-user.target.wants/$unit"
    rm -rf "$home"
    systemctl daemon-reload
    systemctl reset-failed "$unit" 2>/dev/null || true
    if [ "$1" = data ]; then
        rm -rf "$data"
        if id -u mqtt-broker >/dev/null 2>&1; then userdel mqtt-broker 2>/dev/null || true; fi
    fi
    rm -rf "$state"
}

mark=$1
shift
while IFS= read -r line; do
    [ "$line" != "$mark" ] || break
done
verb=$1
shift
case $verb in
facts | inspect | apply | undo | finish | said | uninstall) "$verb" "$@" ;;
*) die "unknown verb $verb" 64 ;;
esac
