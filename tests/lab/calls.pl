#!/usr/bin/perl
# What maintainer scripts call, one call a line: script, its words, and the call's, each a JSON string.
#   calls.pl traced PREFIX     what `strace -ff -ttt -o PREFIX` saw of a dpkg
#   calls.pl simulated FILE    what `rcpolicy simulate --json` foresees, its ways parted by lines of `--`
# Only the tools that services are about count, and only what a script calls itself: not what those tools call.
use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my %tools = map { $_ => 1 } qw(invoke-rc.d deb-systemd-invoke deb-systemd-helper systemctl service update-rc.d);

sub is_tool {
    my ($program) = @_;
    return $program =~ m{^/etc/init\.d/[^/]+$} || $tools{ $program =~ s{.*/}{}r };
}

sub line {
    my ($script, $arguments, $argv) = @_;
    my @argv = @$argv;
    $argv[0] =~ s{.*/}{} unless $argv[0] =~ m{^/etc/init\.d/};
    print join("\t", $script, map { $json->encode($_) } $arguments, \@argv), "\n";
}

# strace's way of writing a string.
sub unquoted {
    my ($text) = @_;
    my %short = (n => "\n", t => "\t", r => "\r", v => "\x0b", f => "\f", a => "\a", b => "\b", e => "\e", 0 => "\0");
    $text =~ s/\\([0-7]{1,3})|\\x([0-9a-f]{2})|\\(.)/defined $1 ? chr oct $1 : defined $2 ? chr hex $2 : $short{$3} \/\/ $3/ge;
    return $text;
}

# The strings of the array that `text` begins with.
sub array {
    my ($text) = @_;
    my @found;
    $text =~ s/^\[// or return;
    while ($text =~ s/^"((?:[^"\\]|\\.)*)"(\.\.\.)?(, )?//) { push @found, unquoted($1) }
    return @found;
}

# Every process: who made it, and what it became, in the order of time.
sub traced {
    my ($prefix) = @_;
    my (%parent, %became, @tool);
    for my $file (glob "$prefix.*") {
        my ($pid) = $file =~ /\.(\d+)$/ or next;
        open my $trace, '<', $file or die "$file: $!\n";
        while (<$trace>) {
            my ($at, $rest) = /^(\d+\.\d+) (.*)/ or next;
            if ($rest =~ /^(?:clone3?|v?fork)\(.* = (\d+)/) { $parent{$1} = $pid }
            elsif ($rest =~ /^execve\("((?:[^"\\]|\\.)*)", (\[.*) = 0$/) {
                push @{ $became{$pid} }, { at => $at, path => unquoted($1), argv => [array($2)] };
            }
        }
    }
    for my $pid (keys %became) {
        my @line = @{ $became{$pid} };
        for my $index (0 .. $#line) {
            push @tool, { pid => $pid, index => $index, %{ $line[$index] } } if is_tool($line[$index]{path});
        }
    }
    for my $call (sort { $a->{at} <=> $b->{at} } @tool) {
        my $asker = asker($call, \%parent, \%became) or next;
        my ($script) = $asker->{path} =~ m{(preinst|postinst|prerm|postrm)$} or next;
        my @words = @{ $asker->{argv} };
        # The kernel's line of an interpreted script has the script's own words; debconf's has the script before them.
        shift @words;
        line($script, \@words, $call->{argv});
    }
}

# The program that a call was made by: what the process was before, or what the one was that made it.
sub asker {
    my ($call, $parent, $became) = @_;
    my ($pid, $index) = @$call{qw(pid index)};
    return $became->{$pid}[ $index - 1 ] if $index > 0;
    while (defined($pid = $parent->{$pid})) {
        my @before = grep { $_->{at} <= $call->{at} } @{ $became->{$pid} // [] };
        return $before[-1] if @before;
    }
    return;
}

sub simulated {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $play = $json->decode(join '', <$in>);
    my $first = 1;
    for my $way (@{ $play->{ways} }) {
        print "--\n" unless $first;
        $first = 0;
        for my $call (@{ $way->{calls} }) {
            line($call->{script}, $call->{arguments}, $call->{argv}) if is_tool($call->{argv}[0]);
        }
    }
}

my ($what, $of) = @ARGV;
if (($what // '') eq 'traced') { traced($of) }
elsif (($what // '') eq 'simulated') { simulated($of) }
else { die "usage: calls.pl traced PREFIX | simulated FILE\n" }
