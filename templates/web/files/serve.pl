# The example's web service for hosts without Python: the same as serve.py, which explains it.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my $folder = shift @ARGV;
my $longest_silence = 3600;

sub content {
    open my $file, '<', "$folder/$_[0]" or return undef;
    my $text = do { local $/; <$file> } // '';
    $text =~ s/\s+\z//;
    return $text;
}

my $version = content('current/VERSION') // die "no VERSION\n";
my $greeting = content('current/GREETING') // die "no GREETING\n";
my %pages = ('/version' => $version, '/' => "$greeting from web $version");

$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16)
    or die "no port: $!\n";
for (['pid', $$], ['port', $server->sockport]) {
    my ($path, $value) = ("$folder/run/$_->[0]", $_->[1]);
    open my $file, '>', "$path.new" or die "$path: $!\n";
    print {$file} "$value\n";
    close $file;
    rename "$path.new", $path or die "$path: $!\n";
}

my $ready = IO::Select->new($server);
my $last_request = time;
while ((content('run/pid') // '') eq $$ && time - $last_request < $longest_silence) {
    next unless $ready->can_read(0.5);
    my $client = $server->accept or next;
    $last_request = time;
    # A client that says nothing does not keep the others waiting.
    eval {
        local $SIG{ALRM} = sub { die "silent\n" };
        alarm 5;
        my ($path) = (<$client> // '') =~ m{^GET (\S+)};
        while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
        my $page = $pages{$path // ''};
        my $status = !defined $page ? '404 Not Found' : $version =~ /broken/ ? '500 Broken' : '200 OK';
        my $body = ($page // '') . "\n";
        print {$client} "HTTP/1.0 $status\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    };
    alarm 0;
    close $client;
}
