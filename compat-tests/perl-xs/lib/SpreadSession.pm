package SpreadSession;

# Functions over mailbox numbers, the way Perl bindings of the library look: connect answers (mailbox, private group),
# receive answers (service type, sender, groups, message type, endian, message) and takes an optional time limit,
# every other call answers true or undef with the code in $sperrno, a number and a text at once.

use strict;
use warnings;
use Exporter 'import';
use XSLoader;

our $VERSION = '1.0';
our $sperrno = 0;
our @EXPORT_OK = qw($sperrno);

XSLoader::load('SpreadSession', $VERSION);

sub connect {
  my ($options) = @_;
  return connect_with($options->{spread_name} // '4803', $options->{private_name} // '',
    $options->{priority} // 0, $options->{group_membership} // 1);
}

sub join { my ($mailbox, @groups) = @_; return each_group(\&join_one, $mailbox, @groups) }
sub leave { my ($mailbox, @groups) = @_; return each_group(\&leave_one, $mailbox, @groups) }

# How many of the groups were accepted.
sub each_group {
  my ($call, $mailbox, @groups) = @_;
  return scalar grep { $call->($mailbox, $_) } @groups;
}

# With a time limit: an empty list, and $sperrno 0, when nothing came in time.
sub receive {
  my ($mailbox, $limit) = @_;
  if (defined $limit) {
    my $readable = '';
    vec($readable, $mailbox, 1) = 1;
    if (!CORE::select($readable, undef, undef, $limit)) {
      $sperrno = 0;
      return;
    }
  }
  return receive_one($mailbox);
}

1;
