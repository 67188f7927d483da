#!/bin/bash
# The administrator's guide, docs/admin.md: every command in it, in its order, with apt and an archive that has our package
# and cron.
. "$(dirname "$0")/../scenario.sh"

guide=$LAB_SOURCE/../../docs/admin.md
archive=$LAB_DIR/archive-$LAB

require_stock
mkdir -p "$archive"
cp "$RCPOLICY_DEB" "$archive/"
inside sh -c 'tar -C /var/cache/lab/cron -cf - .' | tar -C "$archive" -xf -
(cd "$archive" && dpkg-scanpackages . >Packages 2>/dev/null)
lab_copy "$LAB" /srv/archive "$archive"/*
inside sh -c 'rm -f /etc/apt/sources.list.d/*; echo "deb [trusted=yes] file:/srv/archive ./" >/etc/apt/sources.list
    apt-get update --quiet && apt-get install --yes cron' >/dev/null 2>&1

# The commands between "```sh" and the next fence are one script, as they would be typed.
block() { awk -v wanted="$1" '/^```sh$/ { inside = ++count == wanted; next } /^```$/ { inside = 0 } inside' "$guide"; }
process() { inside pgrep -x -o cron; }

count=$(grep -c '^```sh$' "$guide")
[ "$count" -gt 8 ] || same "blocks of commands" "more than 8" "$count"
for ((number = 1; number <= count; number++)); do
    before=$(process)
    block "$number" >"$LAB_DIR/block-$LAB"
    inside bash -euo pipefail -s <"$LAB_DIR/block-$LAB" >"$LAB_DIR/said-$LAB" 2>&1 ||
        { lab_say "$(cat "$LAB_DIR/block-$LAB" "$LAB_DIR/said-$LAB")" && same "block $number of the guide" 0 failed; }
    said=$(cat "$LAB_DIR/said-$LAB")
    # What the guide says of its commands.
    case $(head -n 1 "$LAB_DIR/block-$LAB") in
    'apt-get install --yes --reinstall cron')
        same "cron's process after the upgrade that a rule puts off" "$before" "$(process)"
        [[ $said = *cron*restart* ]] || same "what pending shows" "a restart of cron" "$said"
        ;;
    'rcpolicy flush cron') [ "$before" != "$(process)" ] || same "cron's process after the flush" "another" "$before" ;;
    *) ;;
    esac
done
fails inside dpkg -s rcpolicy >/dev/null
inside dpkg --purge cron >/dev/null 2>&1
holds "all $count blocks of commands of the administrator's guide do what it says"
