$ErrorActionPreference = 'Stop'
$number = 0
foreach ($line in $input) {
    $script = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))
    $tokens = $null
    $found = $null
    $null = [Management.Automation.Language.Parser]::ParseInput($script, [ref]$tokens, [ref]$found)
    foreach ($problem in $found) {
        $message = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($problem.Message))
        [Console]::Out.WriteLine([string]$number + ' ' + [string]$problem.Extent.StartLineNumber + ' ' + $message)
    }
    $number = $number + 1
}
[Console]::Out.WriteLine('read ' + [string]$number)
