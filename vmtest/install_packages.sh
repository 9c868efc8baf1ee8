#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs inside a booted machine and uses apt there as its owner would. It tells the
# test outside what it found, over a virtio-serial port: a line "pass NAME" or
# "FAIL NAME" for each step, and "done" last.
#
#   install_packages install   installs what the package disk has, and uses it
#   install_packages upgrade   replaces the C library under all that runs
#   install_packages check     looks, after a reboot, whether all is still right
#
# What the steps print is in /var/log/vmtest.log.

set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root

readonly PORT=/dev/virtio-ports/driveroot.verdict
readonly LOG=/var/log/vmtest.log
readonly WORK=/var/lib/vmtest/programs
readonly NEWER=+vmtest1

readonly PACKAGES=(
    bc bzip2 cron curl file git htop iputils-ping jq less logrotate lsof make nano
    netcat-openbsd openssh-server patch python3-minimal rsync socat sqlite3 strace sudo tmux tree
    unzip vim-tiny wget xz-utils zip
)

failures=0

tell() {
    echo "$*"
    echo "$*" >"$PORT"
}

# step NAME COMMAND...
step() {
    local name=$1
    shift
    if "$@" >>"$LOG" 2>&1; then
        tell "pass $name"
        return
    fi
    tell "FAIL $name"
    failures=$((failures + 1))
    tail -n 20 "$LOG"
}

mount_packages() {
    mkdir -p /mnt && mount -o ro /dev/disk/by-label/packages /mnt &&
        echo "deb [trusted=yes] file:/mnt ./" >/etc/apt/sources.list.d/packages.list &&
        apt-get update
}

install_packages() {
    apt-get install --yes --no-install-recommends "${PACKAGES[@]}"
}

audit() {
    [ -z "$(dpkg --audit)" ]
}

# Every installed file is there and has its package's bytes, except for what
# dpkg.cfg.d/excludes leaves out.
verify() {
    ! dpkg --verify | grep -v -E '^missing +/usr/share/(doc|doc-base|man|info|locale|lintian|linda|groff)/' | grep .
}

use_git() {
    mkdir -p "$WORK/repository" && cd "$WORK/repository" && git init -q . &&
        cp -a /etc/systemd . && git add . &&
        git -c user.name=vmtest -c user.email=vmtest@localhost commit -q -m "first" &&
        git gc -q && git fsck --strict
}

use_sqlite() {
    rm -f "$WORK/database"*
    sqlite3 "$WORK/database" "pragma journal_mode = wal; create table t (x integer);" &&
        for writer in 1 2; do
            for value in 1 2 3 4 5 6 7 8 9 10; do
                sqlite3 -cmd ".timeout 60000" "$WORK/database" "insert into t values ($value * $writer);"
            done &
        done
    wait
    [ "$(sqlite3 "$WORK/database" 'pragma integrity_check; select count(*), sum(x) from t;')" = "ok
20|165" ]
}

use_rsync() {
    rsync -aHAX --delete /etc/ "$WORK/etc/" &&
        [ -z "$(rsync -aHAX --delete --itemize-changes --checksum /etc/ "$WORK/etc/")" ]
}

use_python() {
    python3 -c 'import json, sys; print(json.dumps(sys.version))'
}

running() {
    # "degraded" tells of a failed unit.
    [ "$(systemctl is-system-running --wait)" = running ] || {
        systemctl --failed --no-legend --plain
        return 1
    }
}

# A package of the same library with a higher version.
make_newer_library() {
    local version
    version=$(dpkg-query --show --showformat='${Version}' libc6) &&
        rm -rf /var/tmp/libc6 && dpkg-deb --raw-extract /mnt/libc6_*.deb /var/tmp/libc6 &&
        sed -i "s/^Version: .*/Version: $version$NEWER/" /var/tmp/libc6/DEBIAN/control &&
        dpkg-deb -Znone --build /var/tmp/libc6 /var/tmp/libc6.deb && rm -rf /var/tmp/libc6
}

upgrade_library() {
    apt-get install --yes /var/tmp/libc6.deb && rm /var/tmp/libc6.deb && library_is_newer
}

library_is_newer() {
    [[ $(dpkg-query --show --showformat='${Version}' libc6) == *"$NEWER" ]]
}

# This shell still runs from the library that is gone, even when its pages have
# to be read again.
old_library_is_in_use() {
    grep 'libc\.so\.6 (deleted)' "/proc/$$/maps" && echo 3 >/proc/sys/vm/drop_caches &&
        grep 'libc\.so\.6 (deleted)' "/proc/$$/maps"
}

case "${1:-}" in
install)
    mkdir -p "$WORK"
    step "package disk" mount_packages
    step "apt-get install of ${#PACKAGES[@]} packages and what they need" install_packages
    step "dpkg --audit" audit
    step "dpkg --verify" verify
    step "git" use_git
    step "sqlite with two writers" use_sqlite
    step "rsync there and back" use_rsync
    step "python" use_python
    step "no failed unit" running
    ;;
upgrade)
    step "a newer C library is made" make_newer_library
    step "the C library is upgraded" upgrade_library
    step "the old one is still in use" old_library_is_in_use
    step "dpkg --audit" audit
    step "dpkg --verify" verify
    step "python" use_python
    ;;
check)
    step "the C library is the newer one" library_is_newer
    step "dpkg --audit" audit
    step "dpkg --verify" verify
    step "git fsck" git -C "$WORK/repository" fsck --strict
    step "sqlite" sqlite3 "$WORK/database" "pragma integrity_check;"
    step "python" use_python
    step "no failed unit" running
    ;;
*)
    echo "usage: install_packages install|upgrade|check" >&2
    exit 2
    ;;
esac
tell "done"
exit $((failures > 0))
