#!/usr/bin/perl
# Watches that both stock paths always hold a tool that works: tests -x in a tight loop, and runs both tools over and over
# beside it, several at a time and some of them niced. Each has to end as the tool ends, and to say what it says.
# Some runs are held: stopped by ptrace when their execve is over and not one instruction of the interpreter has run. A
# shell that the kernel started for the stock script opens it only after that, and finds what stands there by then. Two are
# held from the first line to the end, others for a while.
# Prints "watching" when all of that is under way. Ends when the file STOP exists, or after ten minutes; prints each miss,
# then "looks=N runs=N held=N misses=N".
# usage: watch.pl STOP
use strict;
use warnings;
use POSIX ':sys_wait_h';

my ($stop) = @ARGV;
my $machine = (POSIX::uname())[4];
my $ptrace = { x86_64 => 101, aarch64 => 117 }->{$machine} or die "which system call is ptrace on $machine?";
my ($TRACEME, $DETACH) = (0, 17);

my $invoke = { path => '/usr/sbin/invoke-rc.d', arguments => ['--help'], status => 0 };
my $dsi = { path => '/usr/bin/deb-systemd-invoke', arguments => [], status => 1 << 8 };
# hold: for up to so many hundredths of a second.
my @runners = (
    { tool => $invoke, nice => 0 },
    { tool => $invoke, nice => 19 },
    { tool => $dsi, nice => 19 },
    { tool => $invoke, nice => 0, hold => 40 },
    { tool => $dsi, nice => 0, hold => 40 },
    { tool => $invoke, nice => 0, hold => 'to the end' },
    { tool => $dsi, nice => 0, hold => 'to the end' },
);
my ($looks, $runs, $held, $misses) = (0, 0, 0, 0);
$| = 1;

sub now { return (POSIX::times())[0] }
my $end = now() + 60000;

sub miss {
    $misses++;
    print now() / 100, " $_[0]\n" if $misses < 20;
}

sub start_run {
    my ($runner) = @_;
    my $tool = $runner->{tool};
    pipe $runner->{output}, my $writer or die $!;
    $runner->{began} = now();
    $runner->{held_until} = $runner->{was_held} = undef;
    $runner->{pid} = fork // die $!;
    return if $runner->{pid};
    setpriority 0, 0, $runner->{nice};
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $writer;
    open STDERR, '>&', $writer;
    syscall $ptrace, $TRACEME, 0, 0, 0 if $runner->{hold};
    { no warnings 'exec'; exec { $tool->{path} } $tool->{path}, @{ $tool->{arguments} } }
    POSIX::_exit(126);
}

sub end_run {
    my ($runner, $status) = @_;
    my $tool = $runner->{tool};
    $runs++;
    $runner->{pid} = 0;
    my $said = join '', readline $runner->{output};
    return if $status == $tool->{status} && $said =~ /Usage:|Syntax:/;
    my $how = $runner->{was_held} ? 'held' : "nice $runner->{nice}";
    my $age = (now() - $runner->{began}) / 100;
    miss("$tool->{path} @{ $tool->{arguments} }, $how, $age s: ended with status $status: " . substr $said, 0, 200);
}

# Takes a run one step further. ENDING: nobody is held any longer.
sub step {
    my ($runner, $ending) = @_;
    if (waitpid($runner->{pid}, WNOHANG) == $runner->{pid}) {
        # Perl's own $? does not tell a stop from an end with status 0.
        return end_run($runner, $?) unless -e "/proc/$runner->{pid}";
        my $hold = $runner->{hold};
        $held++;
        $runner->{was_held} = 1;
        $runner->{held_until} = $hold eq 'to the end' ? $end : now() + rand $hold;
    }
    return unless $runner->{held_until} and $ending || now() >= $runner->{held_until};
    syscall $ptrace, $DETACH, $runner->{pid}, 0, 0;
    $runner->{held_until} = undef;
}

sub is_on_hold { return ($_[0]{hold} // '') eq 'to the end' && $_[0]{held_until} }

my $said = 0;
while (1) {
    last if $looks++ % 1000 == 0 and (-e $stop or now() > $end);
    -x $_->{path} or miss("$_->{path} is not there") for $invoke, $dsi;
    next if $looks % 50;
    $_->{pid} ? step($_, 0) : start_run($_) for @runners;
    next if $said or 2 > grep { is_on_hold($_) } @runners;
    print "watching\n";
    $said = 1;
}
while (my @left = grep { $_->{pid} } @runners) { step($_, 1) for @left }
print "looks=$looks runs=$runs held=$held misses=$misses\n";
