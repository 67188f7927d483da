#!/usr/bin/perl
# A stand-in for s6-rc, s6-rc-db, s6-rc-compile and s6-rc-update, by its name: the arguments, statuses and messages
# are those of their documentation, and of what their users quote. Processes are started and stopped by the real
# s6-svc. It keeps `state` as a list of names, and notes its calls in LIVE/calls. Files that a test may put into
# the live directory: `busy` (somebody has the locks, until it is gone), `fails` (names that do not start),
# `killed-before`, `killed-after` (s6-rc-update is killed before or after it has made the database live).
use strict;
use warnings;

my ($self) = $0 =~ m{([^/]+)$};
my ($live, %option) = ('');

sub fatal { my ($status, $text) = @_; print STDERR "$self: fatal: $text\n"; exit $status }
sub slurp { open my $file, '<', $_[0] or return (); chomp(my @lines = <$file>); return @lines }
sub spew { my ($path, @lines) = @_; open my $file, '>', $path or die $path; print $file map {"$_\n"} @lines; close $file }

while (@ARGV and $ARGV[0] =~ /^-(.)$/) {
    shift;
    last if $1 eq '-';
    if ($1 eq 'l') { $live = shift } elsif ($1 eq 't') { $option{t} = shift } else { $option{$1} = 1 }
}

if ($self eq 's6-rc-compile') {
    my ($compiled, @sources) = @ARGV;
    mkdir $compiled or fatal(111, "unable to mkdir $compiled: $!");
    my %service;
    for my $source (@sources) {
        opendir my $dir, $source or fatal(111, "unable to opendir $source: $!");
        $service{$_} = "$source/$_" for grep { !/^\./ } readdir $dir;
    }
    for my $name (sort keys %service) {
        my ($type) = slurp("$service{$name}/type");
        fatal(1, "invalid $service{$name}/type: must be oneshot, longrun, or bundle") if ($type // '') !~ /^(oneshot|longrun|bundle)$/;
        for (slurp("$service{$name}/dependencies"), slurp("$service{$name}/contents")) {
            fatal(1, "during dependency resolution for service $name: undefined service name $_") unless $service{$_};
        }
        system('cp', '-r', $service{$name}, "$compiled/$name") == 0 or exit 111;
    }
    exit 0;
}

open my $calls, '>>', "$live/calls";
print $calls join(' ', $self, (map {"-$_"} grep { $_ ne 't' } sort keys %option), @ARGV), "\n" if $calls;
fatal(111, 'unable to take locks: Device or resource busy') if -e "$live/busy";
-d "$live/compiled" or fatal(111, 'unable to take locks: No such file or directory');

if ($self eq 's6-rc-update') {
    kill 'KILL', $$ if -e "$live/killed-before";
    symlink $ARGV[0], "$live/compiled.new" and rename "$live/compiled.new", "$live/compiled" or fatal(111, "unable to switch: $!");
    kill 'KILL', $$ if -e "$live/killed-after";
    exit 0 unless -e "$live/fails";
    print STDERR "s6-rc: warning: unable to start service ", (slurp("$live/fails"))[0], ": command exited 1\n";
    exit 1;
}

my $db = "$live/compiled";
my %up = map { $_ => 1 } slurp("$live/state");
my @all = map { s{.*/}{}r } glob "$db/*";
sub type { my ($type) = slurp("$db/$_[0]/type"); return $type }
sub members { my ($name) = @_; return type($name) eq 'bundle' ? map { members($_) } slurp("$db/$name/contents") : $name }
sub needs { return map { members($_) } slurp("$db/$_[0]/dependencies") }
sub needing { my ($name) = @_; return grep { my $other = $_; type($other) ne 'bundle' and grep { $_ eq $name } needs($other) } @all }

# All of the services, what they need, or what needs them, first what comes first.
sub closure {
    my ($next, @names) = @_;
    my (%seen, @order);
    my $visit;
    $visit = sub { my ($name) = @_; return if $seen{$name}++; $visit->($_) for $next->($name); push @order, $name };
    $visit->($_) for map { members($_) } @names;
    return @order;
}

my $word = shift @ARGV;
# Options have ended: whatever follows the command is a name, `--` too.
for (@ARGV) {
    next if -d "$db/$_";
    fatal(3, $self eq 's6-rc' ? "$_ is not a recognized identifier in $db/resolve.cdb" : "$_ is not a valid identifier in $db");
}

if ($self eq 's6-rc-db') {
    print map {"$_\n"} $word eq 'type' ? type($ARGV[0])
        : $word eq 'atomics' ? map { members($_) } @ARGV
        : $word eq 'all-dependencies' ? closure($option{d} ? \&needing : \&needs, @ARGV)
        : fatal(100, 'usage');
    exit 0;
}
if ($word eq 'list') {
    my %listed = map { $_ => 1 } ($option{a} ? keys %up : ()), map { members($_) } @ARGV;
    print map {"$_\n"} sort keys %listed;
    exit 0;
}

my %fails = map { $_ => 1 } slurp("$live/fails");
my (%failed, $status);
$status = 0;
for my $name (closure($option{d} ? \&needing : \&needs, @ARGV)) {
    next if $option{d} ? !$up{$name} : $up{$name};
    if (grep { $failed{$_} } $option{d} ? needing($name) : needs($name)) { $failed{$name} = 1; next }
    my $done = !$fails{$name};
    if ($done and type($name) eq 'longrun') {
        my $directory = "$live/servicedirs/$name";
        $done = system('s6-svc', $option{d} ? '-dwD' : -e "$directory/notification-fd" ? '-uwU' : '-uwu', '-T', $option{t}, $directory) == 0;
        if ($option{d}) { spew("$directory/down") } else { unlink "$directory/down" }
    }
    if ($done) {
        if ($option{d}) { delete $up{$name} } else { $up{$name} = 1 }
        spew("$live/state", sort keys %up);
    } else {
        $failed{$name} = $status = 1;
        print STDERR "s6-rc: warning: unable to ", $option{d} ? 'stop' : 'start', " service $name: command exited 1\n";
    }
}
exit $status;
