#!/usr/bin/perl
# Watches that both stock paths always hold a tool that works: tests -x in a tight loop, and runs `invoke-rc.d --help`
# over and over beside it. Ends when the file STOP exists, or after ten minutes; prints each miss, then
# "looks=N runs=N misses=N".
# usage: watch.pl STOP
use strict;
use warnings;
use POSIX ':sys_wait_h';

my ($stop) = @ARGV;
my @paths = ('/usr/sbin/invoke-rc.d', '/usr/bin/deb-systemd-invoke');
my ($looks, $runs, $misses, $child) = (0, 0, 0, 0);
my $end = time + 600;
$| = 1;

sub miss {
    $misses++;
    open my $file, '<', '/proc/uptime' or die $!;
    print +(split ' ', scalar <$file>)[0], " $_[0]\n" if $misses < 20;
}

sub start_run {
    $child = fork // die $!;
    return if $child;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    { no warnings 'exec'; exec { $paths[0] } $paths[0], '--help' }
    POSIX::_exit(126);
}

while (1) {
    last if $looks++ % 1000 == 0 and (-e $stop or time > $end);
    -x $_ or miss("$_ is not there") for @paths;
    start_run() unless $child;
    if ($looks % 50 == 0 and waitpid $child, WNOHANG) {
        $runs++;
        miss("$paths[0] --help ended with status $?") if $?;
        $child = 0;
    }
}
waitpid $child, 0 if $child;
print "looks=$looks runs=$runs misses=$misses\n";
