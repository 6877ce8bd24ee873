# The example's web service where there is no Python: see serve.py.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
use Cwd qw(realpath);

my $root = shift @ARGV;
my $release = realpath("$root/current");

sub content {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    my $text = do { local $/; <$file> };
    $text =~ s/\s+\z//;
    return $text;
}

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16)
    or die "no port: $!";
for my $pair ([pid => $$], [port => $server->sockport]) {
    my ($name, $value) = @$pair;
    open my $file, '>', "$root/run/$name.new" or die "$name: $!";
    print {$file} "$value\n";
    close $file;
    rename "$root/run/$name.new", "$root/run/$name" or die "$name: $!";
}
my $ready = IO::Select->new($server);
while ((content("$root/run/pid") // '') eq $$) {
    next unless $ready->can_read(1);
    my $client = $server->accept or next;
    my ($path) = (<$client> // '') =~ m{^GET (\S+)};
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
    my $version = content("$release/VERSION") // '';
    my %bodies = ('/version' => $version, '/greeting' => $ENV{GREETING} // '');
    my $body = $bodies{$path // ''};
    my $status = !defined $body ? '404 Not Found' : $version =~ /broken/ ? '500 Broken' : '200 OK';
    $body = ($body // '') . "\n";
    print {$client} "HTTP/1.0 $status\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
}
