#!/usr/bin/perl
# A client of a message bus: connects, takes a name, and answers every call, saying what it is. It speaks D-Bus by
# itself, since a lab has no library for it.
# usage: bus-client.pl NAME SOCKET AFTERWARDS
#   AFTERWARDS  back: when the bus goes it connects again; away: it lives on without; end: it ends
# Each connection is a line of /var/log/lab/bus-clients, "NAME connected PID", written before the init is told.
use strict; use warnings; use Socket; use IO::Handle;
my ($name, $path, $afterwards) = @ARGV;
my $serial = 0;
my $log = $ENV{BUS_CLIENTS} // '/var/log/lab/bus-clients';

sub string { my ($text) = @_; return pack('V/a* x', $text) }
sub field { my ($code, $type, $value) = @_; return pack('C C a x', $code, 1, $type) . $value }
sub align { my ($bytes, $to) = @_; return $bytes . "\0" x (-length($bytes) % $to) }
sub fields { my $all = ''; $all = align($all, 8) . $_ for @_; return $all }

sub message { # TYPE BODY FIELDS...
    my ($type, $body, @fields) = @_;
    my $fields = fields(@fields);
    return align(pack('a C C C V V', 'l', $type, 0, 1, length $body, ++$serial) . pack('V', length $fields) . $fields, 8) . $body;
}

sub call { # MEMBER BODY SIGNATURE
    my ($member, $body, $signature) = @_;
    my $bus = 'org.freedesktop.DBus';
    return message(1, $body, field(1, 'o', string('/org/freedesktop/DBus')), field(2, 's', string($bus)),
        field(3, 's', string($member)), field(6, 's', string($bus)), $signature ? field(8, 'g', pack('C/a* x', $signature)) : ());
}

sub read_exactly { # SOCKET COUNT
    my ($socket, $count) = @_;
    my $bytes = '';
    while (length $bytes < $count) {
        sysread($socket, $bytes, $count - length $bytes, length $bytes) or return;
    }
    return $bytes;
}

# Type, serial and sender of the next message.
sub receive {
    my ($socket) = @_;
    my $head = read_exactly($socket, 16) // return;
    my ($order, $type, $body, $number, $length) = unpack 'a C x2 V V V', $head;
    ($body, $number, $length) = unpack 'x4 N N N', $head if $order eq 'B';
    my $fields = read_exactly($socket, $length + -$length % 8) // return;
    read_exactly($socket, $body) // return if $body;
    my ($sender) = $fields =~ /\x07\x01s\x00.{4}(:[0-9.]+)\x00/s;
    return ($type, $number, $sender);
}

sub connect_to_bus {
    socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die $!;
    connect $socket, pack_sockaddr_un($path) or return;
    syswrite $socket, "\0AUTH EXTERNAL " . unpack('H*', $<) . "\r\nBEGIN\r\n";
    my $line = '';
    until ($line =~ /\n/) { sysread $socket, $line, 1, length $line or return }
    syswrite $socket, call('Hello', '', '');
    syswrite $socket, call('RequestName', align(string($name), 4) . pack('V', 4), 'su');
    my $answered = 0;
    while ($answered < 2) {
        my ($type) = receive($socket) or return;
        $answered++ if $type == 2;
        die "refused" if $type == 3;
    }
    return $socket;
}

sub connected {
    open my $file, '>>', $log or die "$log: $!";
    syswrite $file, "$name connected $$\n";
    return unless $ENV{NOTIFY_SOCKET};
    (my $notify = $ENV{NOTIFY_SOCKET}) =~ s/^@/\0/;
    socket my $socket, PF_UNIX, SOCK_DGRAM, 0 or die $!;
    send $socket, 'READY=1', 0, pack_sockaddr_un($notify);
}

while (1) {
    if (my $socket = connect_to_bus()) {
        connected();
        while (my ($type, $number, $sender) = receive($socket)) {
            next unless $type == 1;
            my $text = string("$name $$");
            syswrite $socket, message(2, $text, field(5, 'u', pack('V', $number)), field(6, 's', string($sender)),
                field(8, 'g', pack('C/a* x', 's')));
        }
        exit 0 if $afterwards eq 'end';
        sleep 1 while $afterwards eq 'away';
    }
    select undef, undef, undef, 0.1;
}
