#!/usr/bin/perl
# Watches that both stock paths always hold a tool that works: tests -x in a tight loop, and runs `invoke-rc.d --help`
# over and over beside it. Ends when the file STOP exists, or after ten minutes; prints each miss, then
# "looks=N runs=N overtaken=N misses=N".
# Overtaken is a run that began as the stock script and found our program when its shell opened the script by its name: no
# rename helps there. It can be when stock's place is taken, never in an upgrade or a removal.
# usage: watch.pl STOP
use strict;
use warnings;
use POSIX ':sys_wait_h';

my ($stop) = @ARGV;
my @paths = ('/usr/sbin/invoke-rc.d', '/usr/bin/deb-systemd-invoke');
my ($looks, $runs, $overtaken, $misses, $child, $began_as_stock) = (0, 0, 0, 0, 0, 0);
my $end = time + 600;
$| = 1;

sub miss {
    $misses++;
    open my $file, '<', '/proc/uptime' or die $!;
    print +(split ' ', scalar <$file>)[0], " $_[0]\n" if $misses < 20;
}

sub is_ours { return (readlink $paths[0] // '') =~ m{libexec/rcpolicy/} }

sub end_run {
    $runs++;
    $child = 0;
    return unless $?;
    if ($began_as_stock && is_ours()) { $overtaken++ }
    else                              { miss("$paths[0] --help ended with status $?") }
}

sub start_run {
    $began_as_stock = !is_ours();
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
    end_run() if $looks % 50 == 0 and waitpid $child, WNOHANG;
}
waitpid $child, 0 if $child;
print "looks=$looks runs=$runs overtaken=$overtaken misses=$misses\n";
