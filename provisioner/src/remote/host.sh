#!/bin/sh
# What `provision` does on a machine that runs. Evaluated there by a shell that has read it from its standard
# input, with VERB and its arguments; what follows in the input is the verb's own. What is printed on standard
# output is for a program, on standard error for people.
set -eu
umask 022
# Whoever listens may be gone: what was begun is ended, or taken back, all the same.
trap '' PIPE HUP INT TERM
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

home=/usr/local/lib/mqtt-broker
etc=/etc/mqtt-broker
program=/usr/local/bin/mqtt-broker
state=/var/lib/mqtt-provision
data=/var/lib/mqtt-broker
unit=mqtt-broker.service
firewall=provision-firewall.service

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
    # One that is empty is not a machine's own.
    if [ -s /etc/machine-id ]; then printf 'id=%s\n' "$(sha256sum </etc/machine-id | cut -c 1-32)"; fi
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
    # One that was cut short before the switch is taken back by the next.
    if [ -e "$state/undo/switched" ]; then printf 'pending=yes\n'; fi
    if [ -e "$state/laid" ]; then sort -u "$state/laid" | sed 's/^/laid=/'; fi
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
        # One whose connection was lost ends by itself, but not at once.
        flock -w 30 9 || die "another push to this machine is under way" 75
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

# A card's firewall lets in what the release in use listens to.
open_ports() {
    systemctl is-active --quiet "$firewall" || return 0
    systemctl reload "$firewall"
}

# Puts what lies below $1 into its place, file by file, takes away what was laid before and is not in it,
# and notes all of it for uninstall.
lay() {
    (cd "$1" && entries -type d) | while IFS= read -r path; do
        [ ! -d "$path" ] || continue
        mkdir "$path"
        chmod --reference="$1$path" "$path"
        printf '%s\n' "$path" >>"$state/laid-folders"
    done
    (cd "$1" && entries ! -type d) >"$state/laid.new"
    while IFS= read -r path; do
        cp -P -p "$1$path" "$path.provision-new"
        mv -T -f "$path.provision-new" "$path"
    done <"$state/laid.new"
    stale "$state/laid.new" | while IFS= read -r path; do rm -f "$path"; done
    mv "$state/laid.new" "$state/laid"
}

# What was laid before and is not in the list $1.
stale() { sort -u "$state/laid" 2>/dev/null | grep -v -x -F -f "$1" || true; }

# Units that were enabled before and are not among the arguments.
stale_units() {
    for name in $(cat "$state/units" 2>/dev/null || true); do
        case " $* " in
        *" $name "*) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

# remember FOLDER RELEASE: keeps what will be replaced or taken away, and notes what is new.
remember() {
    forget
    mkdir -p "$state/undo/files"
    readlink "$home/current" >"$state/undo/release" 2>/dev/null || true
    [ -d "$home/releases/$2" ] || printf '%s\n' "$2" >"$state/undo/brought"
    : >"$state/undo/absent"
    (cd "$1" && entries ! -type d) >"$state/undo/new"
    { cat "$state/undo/new" && stale "$state/undo/new"; } | while IFS= read -r path; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            mkdir -p "$state/undo/files$(dirname "$path")"
            cp -P -p "$path" "$state/undo/files$path"
        else
            printf '%s\n' "$path" >>"$state/undo/absent"
        fi
    done
    for note in laid laid-folders units; do
        if [ -e "$state/$note" ]; then cp "$state/$note" "$state/undo/$note"; fi
    done
    # A card was baked and not pushed to: its unit is in no note.
    if [ -L "$home/current" ] && [ ! -e "$state/units" ]; then printf '%s\n' "$unit" >"$state/undo/units"; fi
    if id -u mqtt-broker >/dev/null 2>&1; then : >"$state/undo/user"; fi
    sync
    : >"$state/undo/whole"
    sync
}

# There is nothing to take back any more.
forget() {
    rm -f "$state/undo/whole"
    sync
    rm -rf "$state/undo"
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

# try_configuration RELEASE: has the new broker read its new files as the service's user would, while the old one
# serves on. The files name each other by where they will be: in a mount namespace they are there already.
try_configuration() {
    old=$home/$(readlink "$home/current" 2>/dev/null || true)
    if [ "$old" = "$home/" ] || [ "$old" = "$home/releases/$1" ] || ! unshare --mount true 2>/dev/null; then
        return 0
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    said=$(unshare --mount sh -euc '
        mount --bind "$1" "$2"
        exec setpriv --reuid=mqtt-broker --regid=mqtt-broker --clear-groups \
            "$1/bin/mqtt-broker" --test-config -c "$3"
    ' sh "$home/releases/$1" "$old" "$etc/broker.conf" 2>&1) || die "the broker would refuse its files: $said"
}

# apply RELEASE UNIT...: takes a tar archive of everything and switches to it. What was there comes back if
# a unit doesn't start.
apply() {
    release=$1
    shift
    lock
    [ ! -e "$state/undo/whole" ] || undo_now
    mkdir -p "$home/releases"
    rm -rf "$home"/.incoming-*
    incoming=$(mktemp -d "$home/.incoming-XXXXXX")
    trap leave EXIT
    tar -x -p -f - -C "$incoming" || die "the archive could not be unpacked"
    # Its last entry: tar takes one that was cut between two entries for whole.
    [ -e "$incoming/.whole" ] || die "the archive did not come whole"
    rm "$incoming/.whole"
    new=$incoming$home/releases/$release
    "$new/bin/mqtt-broker" -h >/dev/null 2>&1 || die "the broker does not run on this machine: $("$new/bin/mqtt-broker" -h 2>&1 | tail -n 1)"
    # The same contents are the same release, unless somebody has edited it in place.
    if ! diff -r -q "$new" "$home/releases/$release" >/dev/null 2>&1; then make_room "$release"; fi
    remember "$incoming" "$release"
    if [ ! -d "$home/releases/$release" ]; then mv "$new" "$home/releases/$release"; fi
    lay "$incoming"
    said=$(systemd-sysusers mqtt-broker.conf 2>&1) || fail "the service's user could not be made: $said"
    said=$(systemd-tmpfiles --create mqtt-broker.conf 2>&1) || fail "the keys could not be opened to the service: $said"
    try_configuration "$release"
    sync
    : >"$state/undo/switched"
    switch_to "$release"
    systemctl daemon-reload
    for name in $(stale_units "$@"); do systemctl disable --now --quiet "$name" 2>/dev/null || true; done
    printf '%s\n' "$@" >"$state/units"
    systemctl enable --quiet "$@" || fail "the service could not be enabled"
    systemctl reset-failed "$@" 2>/dev/null || true
    open_ports || fail "the firewall does not take the broker's ports"
    systemctl restart "$@" || fail "the service does not start"
}

# However apply ends: half of it is taken back.
leave() {
    status=$?
    rm -rf "$incoming"
    if [ "$status" -eq 0 ] || [ ! -e "$state/undo/whole" ]; then
        rmdir "$home/releases" "$home" 2>/dev/null || true
        leave_nothing
        exit "$status"
    fi
    # Not as a condition: that would make it go on after an error.
    set +e
    (
        set -e
        undo_now >/dev/null 2>&1
    )
    undone=$?
    [ "$undone" -eq 0 ] || exit 71
    leave_nothing
    exit "$status"
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
    old=$(cat "$state/undo/release" 2>/dev/null || true)
    for name in "$unit" $(cat "$state/units" 2>/dev/null || true); do
        grep -q -x -F "$name" "$state/undo/units" 2>/dev/null ||
            systemctl disable --now --quiet "$name" 2>/dev/null || true
    done
    (cd "$state/undo/files" && entries ! -type d) | while IFS= read -r path; do
        cp -P -p "$state/undo/files$path" "$path.provision-new"
        mv -T -f "$path.provision-new" "$path"
    done
    while IFS= read -r path; do rm -f "$path"; done <"$state/undo/absent"
    if [ -n "$old" ]; then
        systemctl daemon-reload
        # Before the switch nothing was stopped.
        if [ "$(readlink "$home/current")" != "$old" ] || [ -e "$state/undo/switched" ]; then
            switch_to "${old#releases/}"
            open_ports || true
            for name in $(cat "$state/undo/units" 2>/dev/null || true); do
                systemctl enable --quiet "$name" || true
                systemctl restart "$name" || true
            done
        fi
        if [ -e "$state/undo/brought" ]; then rm -rf "$home/releases/$(cat "$state/undo/brought")"; fi
    else
        rm -rf "$home"
        # What the broker has stored, if it ever has, is not ours to remove.
        rmdir "$data" 2>/dev/null || true
        [ -e "$state/undo/user" ] || [ -d "$data" ] || userdel mqtt-broker 2>/dev/null || true
    fi
    for path in $(sort -r "$state/laid-folders" 2>/dev/null || true); do
        grep -q -x -F "$path" "$state/undo/laid-folders" 2>/dev/null || rmdir "$path" 2>/dev/null || true
    done
    for note in laid laid-folders units; do
        rm -f "$state/$note"
        if [ -e "$state/undo/$note" ]; then cp "$state/undo/$note" "$state/$note"; fi
    done
    systemctl daemon-reload
    forget
}

# Where nothing was before, nothing is left.
leave_nothing() { [ -e "$home" ] || rm -rf "$state"; }

# undo RELEASE: the proof of RELEASE failed.
undo() {
    lock
    still "$1"
    said >&2
    undo_now
    leave_nothing
}

# Another computer may have pushed in between; what that one did is its own.
still() {
    [ "$(readlink "$home/current")" = "releases/$1" ] || die "another push to this machine came in between" 75
}

# finish RELEASE: it was proved. What was kept for the case that it failed goes, but for one release to go
# back to.
finish() {
    lock
    still "$1"
    old=$(cat "$state/undo/release" 2>/dev/null || true)
    for folder in "$home"/releases/*; do
        case releases/${folder##*/} in
        "$old" | "releases/$1") ;;
        *) rm -rf "$folder" ;;
        esac
    done
    forget
    rm -rf "$home"/.incoming-*
    printf '%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${SUDO_USER:-root} $1" >>"$state/pushes"
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
        /usr/lib/tmpfiles.d/mqtt-broker.conf /etc/avahi/services/mqtt-broker.service "/etc/systemd/system/multi-user.target.wants/$unit"
    rm -rf "$home"
    systemctl daemon-reload
    open_ports || true
    systemctl reset-failed "$unit" 2>/dev/null || true
    if [ "$1" = data ]; then
        rm -rf "$data"
        if id -u mqtt-broker >/dev/null 2>&1; then userdel mqtt-broker 2>/dev/null || true; fi
    fi
    rm -rf "$state"
}

verb=$1
shift
case $verb in
facts | inspect | apply | undo | finish | said | uninstall) "$verb" "$@" ;;
*) die "unknown verb $verb" 64 ;;
esac
