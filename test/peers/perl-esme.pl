#!/usr/bin/perl
# A client by Perl's Net::SMPP: binds, submits COUNT texts, takes their receipts, asks enquire_link, unbinds.
# Prints one JSON line at the end. Usage: perl perl-esme.pl PORT COUNT
use strict;
use warnings;
use Net::SMPP;
use JSON::PP;

my ($port, $count) = @ARGV;
my ($smpp, $bound) = Net::SMPP->new_transceiver('127.0.0.1',
    port => $port, smpp_version => 0x34, interface_version => 0x34, system_id => 'perl', password => 'secret')
    or die "bind: $!";
my %seen = (bound => $bound->{status}, peer => $bound->{system_id}, ids => [], delivered => {}, statuses => {});

my %waiting;
for my $n (1 .. $count) {
    my $seq = $smpp->submit_sm(
        source_addr_ton => 5, source_addr => 'PERL', dest_addr_ton => 1, dest_addr_npi => 1,
        destination_addr => sprintf('447710%06d', $n), registered_delivery => 1,
        short_message => "Number $n", async => 1);
    $waiting{$seq} = 1;
}
my $receipts = 0;
while (%waiting || $receipts < $count) {
    my $pdu = $smpp->read_pdu or die 'the connection ended';
    if ($pdu->{cmd} == 0x80000004) {
        delete $waiting{$pdu->{seq}} or die "an answer to nothing: $pdu->{seq}";
        $seen{statuses}{$pdu->{status}}++;
        push @{$seen{ids}}, $pdu->{message_id};
    } elsif ($pdu->{cmd} == 0x05) {
        die 'no receipt' unless $pdu->{short_message} =~ /^id:(\S+) .*stat:(\S+) /;
        $seen{delivered}{$1} = $2;
        $receipts++;
        $smpp->deliver_sm_resp(message_id => '', seq => $pdu->{seq});
    } elsif ($pdu->{cmd} == 0x15) {
        $smpp->enquire_link_resp(seq => $pdu->{seq});
    }
}
$seen{enquired} = $smpp->enquire_link->{status};
$seen{unbound} = $smpp->unbind->{status};
print JSON::PP->new->canonical->encode(\%seen), "\n";
