#!/usr/bin/perl
# A client that connects to a unix socket every 10 ms until the file STOP exists, and logs how each attempt ended:
# "SECONDS OUTCOME", where OUTCOME is a daemon's "VERSION PID", or refused, absent, reset, full or unanswered.
# Answers are awaited beside the next connections, so that a service being away never slows it down.
# usage: hammer.pl SOCKET LOG STOP
use strict;
use warnings;
use Errno qw(ECONNREFUSED ENOENT EAGAIN);
use Fcntl;
use Socket;

my ($path, $log_path, $stop) = @ARGV;
my $answer_seconds = 60;
my $life_seconds   = 1800;

open my $log, '>', $log_path or die "$log_path: $!";
my %waiting;

sub uptime {
    open my $file, '<', '/proc/uptime' or die $!;
    return (split ' ', scalar <$file>)[0];
}

sub note { syswrite $log, "$_[0] $_[1]\n" }

sub attempt {
    my $now = uptime();
    socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die $!;
    # A full backlog must not block us: it is an outcome.
    fcntl $socket, F_SETFL, O_NONBLOCK or die $!;
    if (connect $socket, pack_sockaddr_un($path)) {
        $waiting{ fileno $socket } = [ $socket, $now ];
    } elsif ($! == ECONNREFUSED) {
        note($now, 'refused');
    } elsif ($! == ENOENT) {
        note($now, 'absent');
    } elsif ($! == EAGAIN) {
        note($now, 'full');
    } else {
        note($now, "error $!");
    }
}

sub collect {
    my ($seconds) = @_;
    my $want = '';
    vec($want, $_, 1) = 1 for keys %waiting;
    select my $ready = $want, undef, undef, $seconds;
    my $now = uptime();
    for my $fd (keys %waiting) {
        my ($socket, $since) = @{ $waiting{$fd} };
        if (vec $ready, $fd, 1) {
            my $got = sysread $socket, my $answer, 100;
            $answer = 'reset' unless $got;
            chomp $answer;
            note($since, $answer);
            delete $waiting{$fd};
        } elsif ($now - $since > $answer_seconds) {
            note($since, 'unanswered');
            delete $waiting{$fd};
        }
    }
}

my $end = time + $life_seconds;
until (-e $stop or time > $end) {
    my $tick = uptime();
    attempt();
    # The clock ticks every 10 ms; answers are collected in between.
    collect(0.004) while uptime() == $tick;
}
my $last = time + 10;
collect(0.1) while %waiting and time < $last;
note($waiting{$_}[1], 'unanswered') for keys %waiting;
