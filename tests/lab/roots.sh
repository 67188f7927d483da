# Root filesystems for the labs, made by mmdebstrap and kept as $LAB_ROOTS/SUITE-INIT.tar with a stamp of what they were
# asked to contain. Source it after lib.sh. The packages that scenarios install lie inside, in /var/cache/lab/PACKAGE/,
# with all they depend on, since a lab has no network.

LAB_KINDS=(bookworm-systemd trixie-systemd sid-systemd bookworm-sysvinit bookworm-runit bookworm-openrc bookworm-s6)
LAB_PACKAGES=(rpcbind acpid uuid-runtime cron)
LAB_ROOT_FORMAT=3

roots_include() { # INIT
    case $1 in
    systemd) echo systemd,systemd-sysv,dbus,init-system-helpers,procps,perl-base,strace ;;
    sysvinit) echo sysvinit-core,sysv-rc,init-system-helpers,procps,perl-base,strace ;;
    runit) echo runit,runit-init,sysv-rc,init-system-helpers,procps,perl-base ;;
    openrc) echo openrc,sysvinit-core,init-system-helpers,procps,perl-base ;;
    # Debian has no init of that name: its scanner runs under sysvinit.
    s6) echo s6,sysvinit-core,sysv-rc,init-system-helpers,procps,perl-base ;;
    *) lab_fail "no root filesystem is known for $1" ;;
    esac
}

# The mirror: from the environment, or the one apt itself uses.
roots_mirror() {
    if [ -n "${RCPOLICY_LAB_MIRROR:-}" ]; then
        echo "$RCPOLICY_LAB_MIRROR"
    else
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null | sed -n 1p
    fi
}

# What lies inside for scenarios to install.
roots_packages() { # INIT
    echo "${LAB_PACKAGES[*]}"
    case $1 in systemd) echo dbus-broker ;; esac
}

roots_stamp() { # INIT
    echo "$LAB_ROOT_FORMAT $(roots_include "$1") "$(roots_packages "$1")
}

roots_present() { # SUITE INIT
    [ -s "$LAB_ROOTS/$1-$2.tar" ] && [ "$(cat "$LAB_ROOTS/$1-$2.stamp" 2>/dev/null)" = "$(roots_stamp "$2")" ]
}

# What runs inside while apt's lists are there: fetches the packages under test.
roots_hook() { # INIT
    # What the root filesystem itself was made of still lies there.
    echo 'rm -f "$1"/var/cache/apt/archives/*.deb && mkdir -p "$1/var/cache/lab"'
    local package
    for package in $(roots_packages "$1"); do
        echo "chroot \"\$1\" apt-get install --yes --no-install-recommends --download-only $package"
        echo "mkdir \"\$1/var/cache/lab/$package\" && mv \"\$1\"/var/cache/apt/archives/*.deb \"\$1/var/cache/lab/$package/\""
    done
    echo 'mkdir "$1/var/cache/lab/init-system-helpers"'
    echo 'chroot "$1" sh -c "cd /var/cache/lab/init-system-helpers && apt-get -o APT::Sandbox::User=root download init-system-helpers"'
}

# Makes one root filesystem where it is missing or was made from another list. A mirror's hiccup is tried again.
roots_make() { # SUITE INIT
    roots_present "$1" "$2" && return 0
    mkdir -p "$LAB_ROOTS"
    local tar=$LAB_ROOTS/$1-$2.tar new=$LAB_ROOTS/.$1-$2.$$.tar mirror hook attempt
    mirror=$(roots_mirror)
    hook=$(roots_hook "$2" | sed 's/$/ \&\&/'; echo true)
    for attempt in 1 2 3; do
        # The Release file of a snapshot of sid may have expired.
        if mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "3"' \
            --include="$(roots_include "$2")" --customize-hook="$hook" "$1" "$new" ${mirror:+"$mirror"} >"$LAB_ROOTS/$1-$2.log" 2>&1; then
            sync "$new"
            rm -f "$LAB_ROOTS/$1-$2.stamp"
            mv -T "$new" "$tar"
            roots_stamp "$2" >"$LAB_ROOTS/$1-$2.stamp"
            return 0
        fi
        rm -f "$new"
        lab_say "root filesystem $1-$2, attempt $attempt: $(tail -n 3 "$LAB_ROOTS/$1-$2.log")"
        sleep $((attempt * 5))
    done
    return 1
}

# Fetches a package, and what it needs beside what a root filesystem has, into a directory of the cache, and prints that.
# The host's own apt is not touched: this one has its lists, its cache and the lab's list of what is installed.
roots_fetch() { # SUITE INIT PACKAGE
    local apt=$LAB_ROOTS/apt-$1-$2 to=$LAB_ROOTS/packages-$1-$2/$3
    [ -e "$to/fetched" ] && compgen -G "$to/$3_*.deb" >/dev/null && echo "$to" && return 0
    mkdir -p "$apt"/{lists/partial,archives/partial} "$to"
    echo "deb ${RCPOLICY_LAB_MIRROR:-$(roots_mirror)} $1 main" >"$apt/sources.list"
    [ -e "$apt/status" ] || tar -xOf "$LAB_ROOTS/$1-$2.tar" ./var/lib/dpkg/status >"$apt/status"
    local options=(-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$apt"
        -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o Dir::Cache::Archives="$apt/archives"
        -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Check-Valid-Until=false -o Debug::NoLocking=true)
    [ -e "$apt/updated" ] || { apt-get "${options[@]}" -q update && touch "$apt/updated"; } >&2
    rm -f "$apt"/archives/*.deb
    # Some a root filesystem has already: dbus.
    apt-get "${options[@]}" -q --yes --no-install-recommends --download-only --reinstall install "$3" >&2
    mv "$apt"/archives/*.deb "$to/"
    touch "$to/fetched"
    echo "$to"
}
