#!/usr/bin/perl
# A carrier by Perl's Net::SMPP: takes one session, answers everything, sends a receipt for each message.
# Prints its port, then what it saw of each submit as one JSON line; ends when the session is unbound.
# Usage: perl perl-smsc.pl
use strict;
use warnings;
use Net::SMPP;
use JSON::PP;

$| = 1;
my $json = JSON::PP->new->canonical;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, smpp_version => 0x34) or die "listen: $!";
print $listener->sockport, "\n";

my $session = $listener->accept or die "accept: $!";
my $submits = 0;
while (my $pdu = $session->read_pdu) {
    my $cmd = $pdu->{cmd};
    if ($cmd == 0x09) {
        print $json->encode({ bind => $pdu->{system_id}, version => $pdu->{interface_version} }), "\n";
        $session->bind_transceiver_resp(system_id => 'perl', seq => $pdu->{seq});
    } elsif ($cmd == 0x15) {
        $session->enquire_link_resp(seq => $pdu->{seq});
    } elsif ($cmd == 0x04) {
        my $id = sprintf 'P%06X', ++$submits;
        my %seen = map { $_ => $pdu->{$_} } grep { defined $pdu->{$_} && !ref $pdu->{$_} } qw(
            source_addr_ton source_addr_npi source_addr dest_addr_ton dest_addr_npi destination_addr esm_class
            protocol_id priority_flag registered_delivery replace_if_present_flag data_coding);
        $seen{text} = unpack 'H*', $pdu->{short_message};
        for my $tag (qw(message_payload sar_msg_ref_num sar_total_segments sar_segment_seqnum)) {
            $seen{$tag} = unpack 'H*', $pdu->{$tag} if defined $pdu->{$tag};
        }
        $seen{id} = $id;
        print $json->encode(\%seen), "\n";
        $session->submit_sm_resp(message_id => $id, seq => $pdu->{seq});
        my $receipt = "id:$id sub:001 dlvrd:001 submit date:2611220930 done date:2611220931 stat:DELIVRD err:000 text:";
        $session->deliver_sm(
            source_addr => $pdu->{destination_addr}, destination_addr => $pdu->{source_addr},
            esm_class => 4, data_coding => 0, short_message => $receipt, async => 1);
    } elsif ($cmd == 0x80000005) {
        print $json->encode({ acknowledged => $pdu->{status} }), "\n";
    } elsif ($cmd == 0x06) {
        $session->unbind_resp(seq => $pdu->{seq});
        print $json->encode({ unbound => 1 }), "\n";
        last;
    } else {
        print $json->encode({ unexpected => sprintf '0x%08x', $cmd }), "\n";
    }
}
