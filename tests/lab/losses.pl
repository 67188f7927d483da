#!/usr/bin/perl
# Asks for many actions while the init or the bus goes away, and counts what was lost, what was done twice, and which
# exit statuses were wrong. It runs inside a lab. What it believes: the services' own notes (see losses-units.sh), process
# ids and start times, cgroups, invocation ids, the kernel's list of listening sockets; never what the tools say.
# usage: losses.pl PART ours|stock COUNT [SEED]
#   calm     COUNT actions by each tool, nothing wrong
#   signal   COUNT actions by each tool, each right after a re-exec signal
#   beside   COUNT actions by each tool, each beside a running `systemctl daemon-reexec`
#   storm    COUNT actions while init re-execs every 0 to 90 ms, counted from when it is back
#   dbus     COUNT actions while dbus-daemon is killed every 50 ms, without a pause between them
#   kill     COUNT actions, the tool killed at a random moment; `rcpolicy flush` afterwards; also of services that have
#            only an init script, and by force
#   freeze   one action of each kind by each tool, all at once, between the files /run/losses.ready, which it makes,
#            and /run/losses.go, which it waits for; whoever calls it freezes init
#   late     as freeze, when init stays frozen past the tools' deadline: they must say so, note it down, and fail; once
#            /run/losses.thawed is there too, `rcpolicy flush` pays
# Output: a table, and one line for each thing that was not as it should be; the exit status is 1 if there was any.
# Columns: lost, something of what was asked was not done; silent, those of them with exit status 0; twice, something was
# done too often; status, it was not right for the action; soon, success was told before it was true; unsound, the
# services' notes and the machine contradict each other.
use strict;
use warnings;
no warnings 'portable';
use POSIX ();
use Socket;

my ($part, $whose, $count, $seed) = @ARGV;
die "usage: losses.pl PART ours|stock COUNT [SEED]\n" unless $count && $whose =~ /^(ours|stock)$/;
$seed //= 1;
srand $seed;

my $suffix  = $whose eq 'stock' ? '.distrib' : '';
my %command = (
    'invoke-rc.d'        => sub { ("/usr/sbin/invoke-rc.d$suffix", $_[1], $_[0]) },
    'deb-systemd-invoke' => sub { ("/usr/bin/deb-systemd-invoke$suffix", $_[0], "$_[1].service") },
);
my @tools    = sort keys %command;
my @actions  = qw(start stop restart try-restart reload);
my @services = sort map { m{/([^/]+)\.service$} } glob '/etc/systemd/system/loss-*.service';
# Units that are made of init scripts.
push @services, sort map { m{/([^/]+)\.service$} } glob '/run/systemd/generator.late/loss-*.service' if $part eq 'kill';
my $reexec   = POSIX::SIGRTMIN() + 25;
my $said     = '/run/losses.said';
# Longer than any deadline of ours, and than systemctl's own.
my $hung_seconds = 120;
my (%sum, @seconds);

# --- looking

sub slurp {
    open my $file, '<', $_[0] or return '';
    local $/;
    return <$file> // '';
}

# A process and when it began, which no later one shares.
sub process {
    my ($pid) = @_;
    my $stat = slurp("/proc/$pid/stat") or return '';
    return "$pid@" . (split ' ', $stat =~ s/^.*\) //sr)[19];
}

sub look {
    my ($name) = @_;
    my %notes = (start => 0, stop => 0, reload => 0);
    my $last = '';
    for (split /\n/, slurp("/run/losses/$name")) {
        my ($what, undef, undef, $invocation) = split;
        $notes{$what}++;
        $last = $what eq 'start' ? $invocation : $last;
    }
    my $invocation = readlink("/run/systemd/units/invocation:$name.service") // '';
    my @processes = grep { $_ } map { process($_) } split ' ', slurp("/sys/fs/cgroup/system.slice/$name.service/cgroup.procs");
    my $life = $name =~ /once/ ? $invocation : join ',', @processes;
    my ($copy) = $name =~ /socket-(\d+)$/;
    my $listens = $copy ? slurp('/proc/net/unix') =~ m{ 00010000 \S+ \S+ +\d+ /run/losses\.$copy\n} ? 1 : 0 : undef;
    return { %notes, up => $life ne '' ? 1 : 0, life => $life, invocation => $invocation, last => $last, listens => $listens };
}

sub reexec_is_pending {
    my $status = slurp('/proc/1/status');
    for my $mask ($status =~ /^S\w*Pnd:\s*(\w+)/mg) { return 1 if hex($mask) >> ($reexec - 1) & 1 }
    return 0;
}

# How often init has begun anew, by its own word to the journal.
sub reexecs {
    my @lines = `journalctl --sync 2>/dev/null; journalctl --boot --output=cat _PID=1 --no-pager 2>/dev/null`;
    return scalar grep { /^Reexecuting/ } @lines;
}

# Until init has taken every re-exec signal, answers again, and has nothing to do for our services.
sub settle {
    my $end = time + 60;
    while (time < $end) {
        if (!reexec_is_pending()) {
            my $jobs = `systemctl list-jobs --no-legend --no-pager 2>/dev/null`;
            return 1 if $? == 0 && $jobs !~ /loss-/ && !reexec_is_pending();
        }
        pause(0.01);
    }
    $sum{unsettled}++;
    return 0;
}

# --- what is right

# How often the service must start, stop and reload, whether it is up then, and whether the tool succeeds.
sub right {
    my ($action, $up) = @_;
    my %right = (start => 0, stop => 0, reload => 0, up => $up, ok => 1);
    if    ($action eq 'start')   { @right{qw(start up)}      = (!$up, 1) }
    elsif ($action =~ /stop$/)   { @right{qw(stop up)}       = ($up,  0) }
    elsif ($action eq 'restart') { @right{qw(start stop up)} = (1, $up, 1) }
    elsif ($action eq 'try-restart') { @right{qw(start stop)} = ($up, $up) }
    else                             { @right{qw(reload ok)}  = ($up, $up) }
    return \%right;
}

# Sockets go down and come up with the service under ours, and stay under stock. Where a service that is down stays down,
# ours may bring back a socket that it had stopped.
sub listens_right {
    my ($right, $before, $after) = @_;
    return 1 unless defined $after->{listens};
    return $after->{listens} == $before->{listens} if $whose eq 'stock';
    return $after->{listens} == $right->{up} || !$before->{up} && !$right->{up} && !$right->{stop} && !$right->{reload};
}

# What is wrong with the machine: lost (something is missing), twice (something was done too often), or nothing.
sub compare {
    my ($right, $before, $after) = @_;
    my %n = map { $_ => $after->{$_} - $before->{$_} } qw(start stop reload);
    my @wrong;
    push @wrong, 'twice' if grep { $n{$_} > $right->{$_} } keys %n;
    my $missing = grep { $n{$_} < $right->{$_} } keys %n;
    push @wrong, 'lost' if $missing || $after->{up} != $right->{up} || !listens_right($right, $before, $after);
    return @wrong;
}

# The notes and the machine must tell the same story, or the counting is worth nothing.
sub contradiction {
    my ($before, $after) = @_;
    my $changed = $after->{life} ne $before->{life} && $after->{up};
    my $started = $after->{start} > $before->{start} && $after->{up};
    return 'process and notes disagree' if $changed != $started;
    return 'invocation and notes disagree' if $after->{up} && $after->{invocation} ne $after->{last};
    return '';
}

# --- acting

# perl-base has no finer clock and no shorter sleep of its own.
sub pause { select undef, undef, undef, $_[0] }

# Starts a tool. What it holds of a pipe is closed when it ends.
sub spawn {
    my (@words) = @_;
    local $^F = 255;
    pipe my $end, my $held or die $!;
    my $pid = fork // die $!;
    return { pid => $pid, end => $end } if $pid;
    close $end;
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', $said;
    open STDERR, '>&', \*STDOUT;
    { no warnings 'exec'; exec { $words[0] } @words }
    POSIX::_exit(127);
}

# A process of ours that does something over and over beside the action.
sub beside {
    my ($work) = @_;
    my $pid = fork // die $!;
    return $pid if $pid;
    $work->() while 1;
}

sub quit { kill 'KILL', $_[0]; waitpid $_[0], 0 }

# Waits for a tool: its exit status, or "hung", or "signal N", and how many seconds it took from here on.
sub ending {
    my ($run) = @_;
    vec(my $ends = '', fileno $run->{end}, 1) = 1;
    my ($found, $left) = select $ends, undef, undef, $hung_seconds;
    if (!$found) { quit($run->{pid}); return ('hung', $hung_seconds) }
    waitpid $run->{pid}, 0;
    return ($? & 127 ? 'signal ' . ($? & 127) : $? >> 8, $hung_seconds - $left);
}

sub send_reexec { kill $reexec, 1 }

# One byte an event, since the process that makes them is killed in the end.
sub tally { open my $file, '>>', '/run/losses.tally' or die $!; syswrite $file, '.' }

sub kill_bus {
    pause(0.05);
    my @pids = split ' ', slurp('/sys/fs/cgroup/system.slice/dbus.service/cgroup.procs');
    if (@pids) { tally(); return kill 'KILL', @pids }
    # Whoever connects brings it back.
    socket my $socket, PF_UNIX, SOCK_STREAM, 0 or return;
    connect $socket, pack_sockaddr_un('/run/dbus/system_bus_socket');
}

# Whether init takes a login on its own socket, which it does not while it executes itself anew.
sub init_answers {
    socket my $socket, PF_UNIX, SOCK_STREAM, 0 or return 0;
    connect $socket, pack_sockaddr_un('/run/systemd/private') or return 0;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, "\0AUTH EXTERNAL 30\r\n" or return 0;
    vec(my $ready = '', fileno $socket, 1) = 1;
    select($ready, undef, undef, 5) or return 0;
    my $answer = '';
    return sysread($socket, $answer, 100) && $answer =~ /^OK/;
}

# One re-exec, to its end, and the pause before the next. Faster than that, no tool would find init at home.
sub storm {
    send_reexec();
    pause(0.001) while reexec_is_pending();
    pause(0.005) until init_answers();
    pause(rand 0.09);
}

# What is wrong around an action: begun right before it, ended right after.
my %trouble = (
    calm   => sub { () },
    signal => sub { send_reexec(); () },
    beside => sub {
        my $pid = fork // die $!;
        if (!$pid) { open STDERR, '>', '/dev/null'; exec 'systemctl', 'daemon-reexec' }
        pause(rand 0.05);
        return sub { waitpid $pid, 0 };
    },
    storm => sub {
        my $pid = beside(\&storm);
        return sub { quit($pid) };
    },
    # Its trouble lasts from the first action to the last.
    dbus => sub { () },
);

# Whether the action can be judged on the service: what systemd cannot reload, deb-systemd-invoke cannot either; what
# has no main process stays active when it is killed, and so does a socket.
sub suits {
    my ($tool, $action, $name) = @_;
    return $name =~ /plain|notify/ if $action eq 'force-stop';
    return $name !~ /script/ || $action ne 'reload' || $tool eq 'invoke-rc.d';
}

# A service for which the action means something, nine times in ten.
sub choose {
    my ($action, $tool) = @_;
    my $wanted = $action eq 'start' ? 0 : 1;
    $wanted = !$wanted if rand() < 0.1;
    my @suit = grep { suits($tool, $action, $_) } @services;
    my @fit = grep { look($_)->{up} == $wanted } @suit;
    return $fit[ rand @fit ] if @fit;
    my @other = grep { !/socket/ } @suit;
    my $name = $other[ rand @other ];
    system 'systemctl', '--quiet', ($wanted ? 'start' : 'stop'), "$name.service";
    return $name;
}

# Puts a service back into a state that can be reckoned with.
sub repair {
    my ($name) = @_;
    system "rcpolicy forget $name >/dev/null 2>&1" if $whose eq 'ours';
    return if $name !~ /socket/;
    system "systemctl stop $name.service $name.socket 2>/dev/null; systemctl start $name.socket; systemctl start $name.service";
}

# --- counting

sub first_lines { return join ' / ', grep { defined } (split /\n/, slurp($said))[0 .. 3] }

sub complain {
    my ($what, $tool, $action, $name, $status, $before, $after) = @_;
    my $state = join ' ', map { "$_ $before->{$_}>$after->{$_}" } qw(up start stop reload);
    $state .= " listens $before->{listens}>$after->{listens}" if defined $before->{listens};
    print "! $part $whose $tool $action $name: $what; status $status; $state; ", first_lines(), "\n";
}

# Judges one action that has ended; true where all is well.
sub judge {
    my ($tool, $action, $name, $status, $before, $at_exit) = @_;
    my $right = right($action, $before->{up});
    settle();
    my $after = look($name);
    my @wrong = compare($right, $before, $after);
    my $ok = $status eq '0';
    push @wrong, 'silent' if $ok && grep { $_ eq 'lost' } @wrong;
    push @wrong, 'status' if $ok != $right->{ok} || $status !~ /^\d+$/;
    push @wrong, 'soon' if $ok && !@wrong && compare($right, $before, $at_exit);
    push @wrong, 'unsound' if contradiction($before, $after);
    my $row = $sum{$tool} //= {};
    $row->{$_}++ for 'actions', @wrong;
    return 1 unless @wrong;
    complain(join('+', @wrong), $tool, $action, $name, $status, $before, $after);
    repair($name);
    return 0;
}

sub one {
    my ($tool, $action) = @_;
    my $name = choose($action, $tool);
    my $before = look($name);
    my $end = $trouble{$part}->();
    my ($status, $seconds) = ending(spawn($command{$tool}->($action, $name)));
    push @seconds, $seconds;
    my $at_exit = look($name);
    $end->() if $end;
    judge($tool, $action, $name, $status, $before, $at_exit) or printf "!   it took %.1f s\n", $seconds;
}

my @columns = qw(actions lost silent twice status soon unsound);

sub table {
    printf "%-8s %-6s %-28s" . ' %9s' x @columns . "\n", 'part', 'tools', 'tool', @columns;
    my @rows = grep { ref $sum{$_} } sort keys %sum;
    for my $tool (@rows) {
        printf "%-8s %-6s %-28s" . ' %9d' x @columns . "\n", $part, $whose, $tool, map { $sum{$tool}{$_} // 0 } @columns;
    }
    print "$part: init did not settle $sum{unsettled} times\n" if $sum{unsettled};
}

# --- the tool killed

# Medians of how long an action takes, unkilled, for each action and each tool.
my %typical;

sub measure {
    my ($tool, $action, $trouble) = @_;
    my @times;
    for (1 .. 3) {
        my $name = choose($action, $tool);
        $trouble->();
        push @times, (ending(spawn($command{$tool}->($action, $name))))[1];
        settle();
    }
    return (sort { $a <=> $b } @times)[1];
}

# All that ours has noted about a service: what is owed, and what a process has set out to do. A kill before that, and
# before anything happened, loses nothing that was taken on.
sub noted {
    my ($name) = @_;
    my @notes = map { slurp($_) } sort glob('/run/rcpolicy/ledger/*.json'), glob('/run/rcpolicy/begun/*.json');
    return join "\n", grep { /\b$name\b/ } @notes;
}

# A kill is no job: what runs after the end of a killed service is waited for by its state.
sub rest {
    my ($name) = @_;
    for (1 .. 250) {
        return if look($name)->{up} || qx(systemctl is-active $name.service 2>/dev/null) =~ /^(?:inactive|failed)/;
        pause(0.02);
    }
}

sub one_killed {
    my ($tool, $action, $with) = @_;
    my $trouble = $trouble{$with};
    my $typical = $typical{"$tool $action $with"} //= measure($tool, $action, $trouble);
    my $name = choose($action, $tool);
    my ($before, $note) = (look($name), noted($name));
    $trouble->();
    my $run = spawn($command{$tool}->($action, $name));
    pause(rand $typical);
    quit($run->{pid});
    my $ended = $? & 127 ? '' : 'ended with status ' . ($? >> 8) . ', ';
    my ($fresh, $at_exit) = (noted($name) ne $note, look($name));
    settle();
    rest($name) if $action eq 'force-stop';
    my $settled = look($name);
    system 'rcpolicy flush >/run/losses.said 2>&1' if $whose eq 'ours';
    my $status = $? >> 8;
    settle();
    rest($name) if $action eq 'force-stop';
    my $after = look($name);
    my $right = right($action, $before->{up});
    # What a script did leaves nothing by which a flush could tell; to reload once more does no harm.
    my $again = $name =~ /script/ && $action eq 'reload' && $after->{reload} - $before->{reload} == 2;
    $right->{reload} = 2 if $again;
    # Of a service that is killed with all its processes 257 and 262 leave no note of the end; that it is down tells it.
    $right->{stop} = 0 if $action eq 'force-stop' && $after->{stop} == $before->{stop};
    my @wrong = compare($right, $before, $after);
    my $row = $sum{"$with, $tool"} //= {};
    $row->{actions}++;
    $row->{ended}++ if $ended;
    $row->{again}++ if $again;
    my $untouched = !$fresh && !grep { $settled->{$_} ne $before->{$_} } qw(start stop reload up);
    if (@wrong == 1 && $wrong[0] eq 'lost' && $untouched && !$ended) { $row->{unbegun}++; return }
    push @wrong, 'unsound' if contradiction($before, $after);
    $row->{$_}++ for @wrong;
    return unless @wrong;
    complain(join('+', @wrong) . ($fresh ? ', noted' : ', not noted'), $tool, "$action ($with)", $name, "$ended flush $status", $before, $after);
    repair($name);
}

# --- init frozen

sub wait_for { pause(0.02) until -e $_[0] }

sub frozen {
    my ($late) = @_;
    my @free = @services;
    my @asked;
    for my $tool (@tools) {
        for my $action (@actions) {
            my $name = shift @free;
            # Each finds its service as the action needs it.
            system "systemctl stop $name.service 2>/dev/null; rcpolicy forget $name >/dev/null 2>&1";
            system "systemctl start $name.socket" if -e "/etc/systemd/system/$name.socket";
            system "systemctl start $name.service" if $action ne 'start';
            push @asked, { tool => $tool, action => $action, name => $name };
        }
    }
    settle();
    $_->{before} = look($_->{name}) for @asked;
    open my $ready, '>', '/run/losses.ready' or die $!;
    wait_for('/run/losses.go');
    for my $one (@asked) {
        $said = $one->{said} = "/run/losses.said-$one->{tool}-$one->{action}";
        $one->{begun} = time;
        $one->{run} = spawn($command{ $one->{tool} }->($one->{action}, $one->{name}));
    }
    for my $one (@asked) {
        ($one->{status}) = ending($one->{run});
        $one->{seconds} = time - $one->{begun};
        $one->{at_exit} = look($one->{name});
    }
    for my $one (@asked) {
        $said = $one->{said};
        $late ? late($one) : judge(@$one{qw(tool action name status before at_exit)});
    }
    return unless $late;
    open my $ended, '>', '/run/losses.ended' or die $!;
    wait_for('/run/losses.thawed');
    settle();
    my $flushed = system('rcpolicy flush >/run/losses.said 2>&1') >> 8;
    for my $one (@asked) {
        $said = '/run/losses.said';
        # The tool's status was judged already; what counts now is the flush's, and the machine.
        judge(@$one{qw(tool action name)}, $flushed, $one->{before}, look($one->{name}));
    }
}

# Past the deadline: not later than it says, a status that is no success, a note, and words that tell all of it.
sub late {
    my ($one) = @_;
    my @wrong;
    push @wrong, "after $one->{seconds} s" if $one->{seconds} > 8;
    push @wrong, 'status 0' if $one->{status} eq '0';
    push @wrong, 'nothing noted' unless noted($one->{name});
    my $words = slurp($one->{said});
    push @wrong, 'does not say it' unless $words =~ /rcpolicy flush/ && $words =~ /$one->{name}/;
    $sum{ $one->{tool} }{late} += @wrong ? 1 : 0;
    complain("past the deadline: " . join(', ', @wrong), @$one{qw(tool action name status before before)}) if @wrong;
}

# --- the parts

$| = 1;
my $begun = time;
my $reexecs_before = reexecs();
unlink '/run/losses.tally';
settle();
if ($part =~ /^(calm|signal|beside)$/) {
    for my $tool (@tools) {
        one($tool, $actions[ $_ % @actions ]) for 1 .. $count;
    }
} elsif ($part =~ /^(storm|dbus)$/) {
    my $killer = $part eq 'dbus' ? beside(\&kill_bus) : 0;
    one($tools[ $_ % @tools ], $actions[ int($_ / 2) % @actions ]) for 1 .. $count;
    quit($killer) if $killer;
} elsif ($part eq 'kill') {
    @columns = qw(actions ended unbegun again lost twice unsound);
    push @actions, 'force-stop';
    for (1 .. $count) {
        my ($action, $with) = ($actions[ int($_ / 4) % @actions ], (qw(calm signal))[ int($_ / 2) % 2 ]);
        one_killed($action eq 'force-stop' ? 'invoke-rc.d' : $tools[ $_ % 2 ], $action, $with);
    }
} elsif ($part =~ /^(freeze|late)$/) {
    push @columns, 'late' if $part eq 'late';
    frozen($part eq 'late');
} else {
    die "no such part: $part\n";
}
table();
my $reexecs = reexecs() - $reexecs_before;
printf "%s %s: %.0f s; init executed itself anew %d times; dbus-daemon was killed %d times", $part, $whose, time - $begun,
  $reexecs, length slurp('/run/losses.tally');
@seconds = sort { $a <=> $b } @seconds;
printf "; a tool took %.2f s in the median, %.1f s at most", $seconds[ @seconds / 2 ], $seconds[-1] if @seconds;
print "\n";
my %harmless = map { $_ => 1 } qw(actions ended unbegun again);
exit 1 if $sum{unsettled} || grep { my $row = $_; ref $row && grep { $row->{$_} && !$harmless{$_} } keys %$row } values %sum;
