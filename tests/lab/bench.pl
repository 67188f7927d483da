#!/usr/bin/perl
# Turns the stopwatch's lines into the table of tests/bench. Reads RUNS.tsv (name, ns, us, KiB, status) and, on standard
# input, the rows: SUITE, kind, label, NAME, NAME TO COMPARE WITH or -, limit or -. Kinds: ratio, more (ms), memory (MiB),
# and above: the ratio of what both add to a third, NAME TO COMPARE WITH;THIRD.
# Exits with 1 if a limit is missed.
use strict;
use warnings;

my ($runs, $atleast) = @ARGV;
my (%wall, %cpu, %peak, %status);
open my $in, '<', $runs or die "cannot read $runs: $!\n";
while (<$in>) {
    chomp;
    my ($name, $ns, $us, $kib, $exit) = split /\t/;
    push @{ $wall{$name} }, $ns / 1e6;
    push @{ $cpu{$name} },  $us / 1e3;
    $peak{$name} = $kib if !defined $peak{$name} || $kib > $peak{$name};
    $status{$name}{$exit}++;
}

sub median {
    my @sorted = sort { $a <=> $b } @{ $_[0] // [] };
    return unless @sorted;
    return $#sorted % 2 ? ($sorted[ $#sorted / 2 ] + $sorted[ $#sorted / 2 + 1 ]) / 2 : $sorted[ $#sorted / 2 ];
}

my $missed = 0;
print "| on | what | ours | compared with | ratio | processor time, ours | compared with | ratio | limit | |\n";
print "|---|---|---|---|---|---|---|---|---|---|\n";
while (<STDIN>) {
    chomp;
    my ($suite, $kind, $label, $name, $other, $limit) = split /\t/;
    my ($ms, $cpu) = (median($wall{$name}), median($cpu{$name}));
    my @exits = keys %{ $status{$name} // {} };
    if (!defined $ms || @{ $wall{$name} } < ($kind eq 'memory' ? 1 : $atleast)) {
        print "| $suite | $label | not measured | | | | | | | MISSED |\n";
        $missed++;
        next;
    }
    my ($value, $shown, $bound) = (undef, '', $limit eq '-' ? '' : $limit);
    my @cells = (sprintf('%.1f ms', $ms), '', '', sprintf('%.1f ms', $cpu), '', '');
    if ($kind eq 'memory') {
        $value = $peak{$name} / 1024;
        @cells = (sprintf('%.1f MiB', $value), '', '', '', '', '');
        $bound .= ' MiB' if $bound;
    } else {
        my $base;
        ($other, $base) = split /;/, $other;
        my ($theirs, $theircpu) = (median($wall{$other}), median($cpu{$other}));
        if ($kind eq 'above') {
            $_ -= median($wall{$base}) for $ms, $theirs;
            $_ -= median($cpu{$base}) for $cpu, $theircpu;
            @cells[0, 3] = (sprintf('%.1f ms', $ms), sprintf('%.1f ms', $cpu));
        }
        $value = $kind eq 'more' ? $ms - $theirs : $ms / $theirs;
        @cells[1, 4] = (sprintf('%.1f ms', $theirs), sprintf('%.1f ms', $theircpu));
        @cells[2, 5] =
          $kind eq 'more'
          ? (sprintf('%+.1f ms', $value), sprintf('%+.1f ms', $cpu - $theircpu))
          : (sprintf('%.2f', $value), sprintf('%.2f', $theircpu > 0 ? $cpu / $theircpu : 0));
        $bound = "+$limit ms" if $bound && $kind eq 'more';
        # A command that failed at once would be very quick.
        my $same = join(',', sort @exits) eq join(',', sort keys %{ $status{$other} });
        if (!$same && $limit ne '-') { $value = 9**9**9; $bound .= ' (exit statuses differ: ' . join(',', @exits) . ')'; }
    }
    my $word = $limit eq '-' ? '' : $value <= $limit ? 'ok' : 'MISSED';
    $missed++ if $word eq 'MISSED';
    print "| $suite | $label | ", join(' | ', @cells), " | $bound | $word |\n";
}
exit($missed ? 1 : 0);
