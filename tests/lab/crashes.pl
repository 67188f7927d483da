#!/usr/bin/perl
# Ends package runs and flushes in the middle, has them finished as an admin would, and looks what became of the services:
# each must run the version that is installed, and nothing may be owed any more. It runs inside a lab, on packages of
# packages.sh. What it believes: the answers of the daemons, dpkg's status, the daemons' own notes.
# usage: crashes.pl kill COUNT SEED     dpkg is killed by SIGKILL at a random moment, alone or with all that it runs
#        crashes.pl fail COUNT SEED     a postinst fails, and no longer does when dpkg is asked again
#        crashes.pl flush COUNT SEED    the flush is killed at the first, second, third... call that changes anything
#        crashes.pl upgrade SEED        one package run, for whoever cuts the power in its middle
#        crashes.pl repair              what an admin does after that, and the look at the services
# Output: one line for each thing that was not as it should be, and a line of figures; status 1 if anything was not.
use strict;
use warnings;
use POSIX ();
use Socket;

my ($part, @arguments) = @ARGV;
my $seed = $part eq 'upgrade' ? $arguments[0] : $arguments[1];
srand($seed // 1);

my $systemd = -d '/run/systemd/system';
my @kinds = $systemd ? qw(plain restart socket pair forgets) : qw(plain restart forgets);
# What the rule puts off, and what only a flush brings back: each is to be started once in an upgrade. That an init script
# was run with `restart` by a flush that was killed then, nothing tells the next flush.
my %once = map { $_ => 1 } 'forgets', $systemd ? qw(restart pair) : ();
my $last_version = 12;
my $flush_seconds = 90;
# Calls of a flush that change something outside of it.
my $changing = 'sendmsg,sendto,write,connect,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,flock,fsync,execve,clone,clone3,vfork';
my %sum = map { $_ => 0 } qw(runs cut old owed twice hung unasked);

sub say_wrong { my ($what, $text) = @_; $sum{$what}++; print "$what: $text\n" }

# --- looking

sub slurp {
    open my $file, '<', $_[0] or return '';
    local $/;
    return <$file> // '';
}

sub pause { select undef, undef, undef, $_[0] }

# Seconds since the boot.
sub uptime { return (split ' ', slurp('/proc/uptime'))[0] }

sub answer {
    my ($kind) = @_;
    local $SIG{ALRM} = sub { die "no answer\n" };
    my $said = eval {
        alarm 5;
        socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die $!;
        connect $socket, pack_sockaddr_un("/run/lab-$kind.sock") or die "nobody listens\n";
        my $line = <$socket>;
        alarm 0;
        $line;
    };
    alarm 0;
    return ($said // '') =~ /^(\d+) \d+$/ ? $1 : 'none';
}

# dpkg's words of a package: its status and version.
sub package {
    my ($kind) = @_;
    my $line = `dpkg-query -W -f '\${db:Status-Status} \${Version}' lab-$kind 2>/dev/null`;
    return split / /, $line;
}

sub starts { my ($kind) = @_; return scalar grep { / started / } split /\n/, slurp("/var/log/lab/lab-$kind") }

# --- doing

# Runs a command to its end with its output in a file; its status.
sub run {
    my ($out, @command) = @_;
    my $pid = start($out, @command);
    waitpid $pid, 0;
    return $?;
}

sub start {
    my ($out, @command) = @_;
    my $pid = fork // die $!;
    return $pid if $pid;
    setpgrp 0, 0;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $out;
    open STDERR, '>&', \*STDOUT;
    { no warnings 'exec'; exec @command }
    POSIX::_exit(127);
}

sub deb { my ($kind, $version) = @_; return "/root/debs/lab-${kind}_$version.deb" }

# What an admin wanted, for the time after a power cut.
my $intent = '/root/crash.intent';

# One package run. Where the power is cut in the middle of unpacking, dpkg wants the package installed again, and does not
# call its prerm then: of a service that the boot has started, and that no script asks for, nobody could know.
sub upgrade {
    my %versions = pick();
    delete $versions{forgets};
    %versions = (plain => (&package('plain'))[1] % $last_version + 1) unless %versions;
    open my $file, '>', $intent or die $!;
    print $file "@{[%versions]}";
    close $file or die $!;
    exec dpkg_install(%versions);
}

# What is upgraded in this run, each to another version than it has.
sub pick {
    my @picked = grep { rand() < 0.6 } @kinds;
    @picked = @kinds unless @picked;
    my %versions;
    for my $kind (@picked) {
        my (undef, $now) = &package($kind);
        $versions{$kind} = ($now // 1) % $last_version + 1;
    }
    return %versions;
}

sub dpkg_install { my (%versions) = @_; return ('dpkg', '--force-unsafe-io', '-i', map { deb($_, $versions{$_}) } sort keys %versions) }

# What had to be installed once more.
my %again;

# As an admin: finishes what can be finished, and installs again what dpkg says has to be.
sub finish {
    my ($out, %versions) = @_;
    for (1 .. 3) {
        run($out, 'dpkg', '--force-unsafe-io', '--configure', '-a');
        my @broken = grep { (&package($_))[0] ne 'installed' } @kinds;
        return 1 unless @broken;
        $again{$_} = 1 for @broken;
        run($out, dpkg_install(map { $_ => $versions{$_} // (&package($_))[1] // 1 } @broken));
    }
    return 0;
}

# Every service runs what is installed, and nothing is owed.
sub look {
    my ($what, $out) = @_;
    my $status = run($out, 'rcpolicy', 'wait', 'flush', '--timeout', "${flush_seconds}s");
    my $wrong = 0;
    if ($status != 0) {
        my $pending = `rcpolicy pending 2>&1`;
        say_wrong('owed', "$what: after $flush_seconds s: " . $pending =~ s/\n/ | /gr);
        $wrong = 1;
    }
    for my $kind (@kinds) {
        my ($state, $installed) = &package($kind);
        my $answer = 'none';
        # One without a socket opens its own a moment after its start.
        for (1 .. 30) {
            $answer = answer($kind);
            last if $answer eq ($installed // '');
            pause(0.1);
        }
        next if $state eq 'installed' && $answer eq $installed;
        # dpkg calls no prerm where it was cut off in the middle of unpacking. What the boot has started then, no script
        # asks to be stopped, and a start of what runs is none, with the stock tools too.
        if ($part eq 'repair' && $again{$kind} && $kind ne 'restart' && $answer ne 'none') { $sum{unasked}++; next }
        say_wrong('old', "$what: lab-$kind is $state in version $installed, and version $answer runs");
        $wrong = 1;
    }
    return unless $wrong;
    print map { "  $_\n" } split /\n/, slurp($out);
    mend();
}

# The next run is not to suffer from what went wrong in this one.
sub mend {
    system 'rcpolicy', 'flush';
    system 'rm', '-rf', '/run/rcpolicy/ledger', '/run/rcpolicy/begun';
    for my $kind (@kinds) { system $systemd ? ('systemctl', 'restart', "lab-$kind.service") : ("/etc/init.d/lab-$kind", 'restart') }
}

# --- the parts

sub kill_dpkg {
    my ($count) = @_;
    # How long a whole run takes, from runs that nobody ends.
    my $whole = 0;
    for (1 .. 2) {
        my $begun = uptime();
        run('/dev/null', dpkg_install(map { $_ => (pick())[1] // 2 } @kinds));
        $whole = uptime() - $begun;
    }
    for my $run (1 .. $count) {
        my %versions = pick();
        my $out = '/run/crash.out';
        unlink $out;
        my $dpkg = start($out, dpkg_install(%versions));
        my $moment = rand($whole * keys(%versions) / @kinds);
        pause($moment);
        my $alone = rand() < 0.5;
        my $running = waitpid($dpkg, POSIX::WNOHANG()) == 0;
        kill 'KILL', $alone ? $dpkg : -$dpkg if $running;
        waitpid $dpkg, 0 if $running;
        $sum{cut}++ if $running;
        $sum{runs}++;
        my $what = sprintf '%s killed after %.3f s of some %.1f', $alone ? 'dpkg' : 'dpkg and all it ran', $moment, $whole;
        finish($out, %versions) or say_wrong('hung', "$what: dpkg cannot be brought to an end");
        look($what, $out);
    }
}

sub fail_postinst {
    my ($count) = @_;
    for my $run (1 .. $count) {
        my %versions = pick();
        my $out = '/run/crash.out';
        unlink $out;
        my $failing = (sort keys %versions)[rand keys %versions];
        run('/dev/null', 'touch', "/run/lab-$failing.fail");
        my $status = run($out, dpkg_install(%versions));
        $sum{runs}++;
        $sum{cut}++ if $status != 0;
        # What others owe is not to wait for it, and what it owes is not to be done before it is configured.
        pause(rand 3);
        unlink "/run/lab-$failing.fail";
        finish($out, %versions) or say_wrong('hung', "dpkg cannot be brought to an end after lab-$failing had failed");
        look("the postinst of lab-$failing failed", $out);
    }
}

sub kill_flush {
    my ($count) = @_;
    # What a flush that nobody ends calls, each as its name and its how-manieth; the kills are spread over them.
    my @calls;
    for my $run (0 .. $count) {
        my %versions = map { my $kind = $_; my (undef, $now) = &package($kind); $kind => $now % $last_version + 1 } @kinds;
        my $out = '/run/crash.out';
        unlink $out;
        my %before = map { $_ => starts($_) } @kinds;
        run($out, dpkg_install(%versions));
        my ($name, $nth) = $run ? @{ $calls[($run - 1) * @calls / $count] } : ('sendmsg', 65_000);
        my $status = run($out, 'strace', '-o', '/run/crash.trace', '-e', "trace=$changing",
            '-e', "inject=$name:signal=KILL:when=$nth", '/usr/sbin/rcpolicy', 'flush');
        my $killed = $status != 0 && slurp('/run/crash.trace') =~ /killed by SIGKILL/;
        unless ($run) {
            my %seen;
            @calls = map { [$_, ++$seen{$_}] } slurp('/run/crash.trace') =~ /^(\w+)\(/mg;
            @calls or die "strace shows no calls of a flush\n";
        }
        $sum{runs}++ if $run;
        $sum{cut}++ if $killed;
        my $what = $run ? "the flush was killed at its $nth. $name" : 'the flush that was not killed';
        # The daemon of an init script has written its pid file a moment after its start, and not before.
        pause(0.3);
        run($out, 'rcpolicy', 'flush');
        look($what, $out);
        for my $kind (grep { $once{$_} } @kinds) {
            my $n = starts($kind) - $before{$kind};
            say_wrong('twice', "$what: lab-$kind was started $n times") if $n > 1;
        }
    }
    my $all = @calls;
    print "figures: flush: it makes $all calls that change something; the kills were spread over them\n";
}

my $begun = uptime();
if    ($part eq 'kill')    { kill_dpkg($arguments[0]) }
elsif ($part eq 'fail')    { fail_postinst($arguments[0]) }
elsif ($part eq 'flush')   { kill_flush($arguments[0]) }
elsif ($part eq 'upgrade') { upgrade() }
elsif ($part eq 'repair') {
    $sum{runs} = $sum{cut} = 1;
    unlink '/run/crash.out';
    my %versions = split ' ', slurp($intent);
    finish('/run/crash.out', %versions) or say_wrong('hung', 'dpkg cannot be brought to an end after the power cut');
    look('the power was cut', '/run/crash.out');
}
else { die "usage: crashes.pl kill|fail|flush COUNT SEED, or upgrade SEED, or repair\n" }
printf "figures: %s: %d runs, %d cut off, %d old versions, %d still owed, %d started twice, %d hung, %d never asked for, %.0f s\n", $part,
    @sum{qw(runs cut old owed twice hung unasked)}, uptime() - $begun;
exit(($sum{old} || $sum{owed} || $sum{twice} || $sum{hung}) ? 1 : 0);
