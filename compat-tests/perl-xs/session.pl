# Drives the module of this directory: perl -Mblib session.pl ADDRESS
use strict;
use warnings;
use SpreadSession qw($sperrno);

die "usage: session.pl ADDRESS\n" unless @ARGV == 1;
my ($address) = @ARGV;
my ($passed, $failed) = (0, 0);
$| = 1;

sub finish { print "$passed passed, $failed failed\n"; exit($failed ? 1 : 0) }
# An unsafe signal: a blocked receive is inside the library and never returns to Perl.
use POSIX ();
POSIX::sigaction(POSIX::SIGALRM(),
  POSIX::SigAction->new(sub { $failed++; print "FAIL timed out\n"; finish() }, POSIX::SigSet->new, 0));
alarm 60;

sub show {
  my ($v) = @_;
  return '[' . CORE::join(', ', map { show($_) } @$v) . ']' if ref $v;
  return defined $v ? "'$v'" : 'undef';
}

sub equal {
  my ($got, $expected, $text) = @_;
  if (show($got) eq show($expected)) { $passed++; return }
  $failed++;
  print "FAIL $text: got ", show($got), ', expected ', show($expected), ' (line ', (caller)[2], ")\n";
}

sub s_ { no strict 'refs'; return &{"SpreadSession::$_[0]"}() }  # a constant of the library

# Receives a membership message: [reason, group, members, changed member, vs sets].
sub membership {
  my ($mailbox, $private) = @_;
  my ($type, $group, $members, $index) = SpreadSession::receive($mailbox, 20);
  equal($type & s_('REG_MEMB_MESS') ? 1 : 0, 1, 'a membership message');
  equal($members->[$index], $private, 'own index');
  my ($gid, $changed, $sets, $mine) = SpreadSession::membership_of_last($type);
  equal($mine, 0, 'own vs set');
  return [[$type & ~s_('REG_MEMB_MESS'), $group, $members, $changed, $sets], $gid];
}

sub run {
  my $tail = sprintf '%05d', $$ % 100000;
  my ($group, $other) = ("perl-$tail", "perl-other-$tail");
  equal([SpreadSession::version()], [5, 0, 1], 'version');
  equal([SpreadSession::connect({spread_name => 'nowhere'})], [], 'silly address');
  equal($sperrno + 0, s_('ILLEGAL_SPREAD'), 'its number');
  equal(length("$sperrno") > 0, 1, 'its text');
  SpreadSession::connect({spread_name => '1@127.0.0.1'});
  equal($sperrno + 0, s_('COULD_NOT_CONNECT'), 'nobody listens');

  my ($a, $me) = SpreadSession::connect({spread_name => $address, private_name => "la$tail"});
  my ($b, $you) = SpreadSession::connect({spread_name => $address, private_name => "lb$tail"});
  equal(defined $a && defined $b && $me =~ /^#la$tail#/, 1, 'connected');
  equal([SpreadSession::connect({spread_name => $address, private_name => "la$tail"})], [], 'same name');
  equal($sperrno + 0, s_('REJECT_NOT_UNIQUE'), 'its number');

  equal(SpreadSession::join($a, $group, $other, 'two words'), 2, 'two of three groups joined');
  equal($sperrno + 0, s_('ILLEGAL_GROUP'), 'the third is illegal');
  for my $name ($group, $other) {
    equal(membership($a, $me)->[0], [s_('CAUSED_BY_JOIN'), $name, [$me], $me, [[$me]]], 'join');
  }
  SpreadSession::join($b, $group);
  my ($seen_a, $seen_b) = (membership($a, $me), membership($b, $you));
  equal($seen_a, $seen_b, 'both see the same');
  equal($seen_a->[0][3], $you, 'the joiner');

  my $small = 'hello';
  for my $service (qw(UNRELIABLE_MESS RELIABLE_MESS FIFO_MESS CAUSAL_MESS AGREED_MESS SAFE_MESS)) {
    equal(SpreadSession::multicast($a, s_($service), $group, -9, $small), 5, $service);
    for my $mailbox ($a, $b) {
      equal([SpreadSession::receive($mailbox, 20)], [s_($service), $me, [$group], -9, 0, $small], $service);
    }
  }
  my $big = pack 'N*', 1 .. 22000;
  my $to = [$other, $you, $group];
  equal(SpreadSession::multicast($b, s_('SAFE_MESS'), $to, 3, $big), length $big, 'several groups');
  equal([SpreadSession::receive($_, 20)], [s_('SAFE_MESS'), $you, $to, 3, 0, $big], 'one copy') for $a, $b;

  SpreadSession::multicast($a, s_('AGREED_MESS') | s_('SELF_DISCARD'), $group, 4, "\0binary\0");
  equal([SpreadSession::receive($b, 20)],
    [s_('AGREED_MESS') | s_('SELF_DISCARD'), $me, [$group], 4, 0, "\0binary\0"], 'self discard');
  equal(SpreadSession::poll($a), '0 but true', 'nothing for the sender');
  equal([SpreadSession::receive($a, 0.05)], [], 'receive with a time limit');
  equal($sperrno + 0, 0, 'that is no error');
  equal(SpreadSession::multicast($a, 0, $group, 0, 'x'), undef, 'no service');
  equal($sperrno + 0, s_('ILLEGAL_SERVICE'), 'its number');

  SpreadSession::multicast($b, s_('FIFO_MESS'), $me, $_, 'x' x $_) for 1 .. 50;
  equal([map { my @m = SpreadSession::receive($a, 20); $m[3] == length $m[5] ? $m[3] : 'bad' } 1 .. 50], [1 .. 50],
    'private messages in order');

  SpreadSession::leave($b, $group);
  equal([(SpreadSession::receive($b, 20))[0 .. 2]], [s_('CAUSED_BY_LEAVE'), $group, []], 'self leave');
  equal(membership($a, $me)->[0], [s_('CAUSED_BY_LEAVE'), $group, [$me], $you, [[$you]]], 'leave');
  SpreadSession::join($b, $group);
  membership($a, $me);
  equal(SpreadSession::disconnect($b), '0 but true', 'disconnect');
  equal(membership($a, $me)->[0], [s_('CAUSED_BY_DISCONNECT'), $group, [$me], $you, [[$you]]], 'disconnect');
  equal([SpreadSession::receive($b)], [], 'receive after disconnect');
  equal($sperrno + 0, s_('ILLEGAL_SESSION'), 'its number');
  SpreadSession::disconnect($a);
}

if (!eval { run(); 1 }) { $failed++; print "FAIL $@" }
finish();
