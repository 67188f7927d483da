#!/usr/bin/perl
# Asks a lab's daemon once and prints its answer, "VERSION PID"; fails after 10 seconds without one.
# usage: ask.pl SOCKET
use strict;
use warnings;
use Socket;

alarm 10;
socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die $!;
connect $socket, pack_sockaddr_un($ARGV[0]) or die "$ARGV[0]: $!\n";
my $answer = <$socket> // die "$ARGV[0]: closed without an answer\n";
print $answer;
