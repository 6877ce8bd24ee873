$ErrorActionPreference = 'Stop'
$newer = @('AndAnd', 'OrOr', 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket')
$number = 0
foreach ($line in $input) {
    $script = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))
    $tokens = $null
    $found = $null
    $null = [Management.Automation.Language.Parser]::ParseInput($script, [ref]$tokens, [ref]$found)
    foreach ($problem in $found) {
        $message = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($problem.Message))
        [Console]::Out.WriteLine([string]$number + ' ' + [string]$problem.Extent.StartLineNumber + ' error ' + $message)
    }
    foreach ($token in $tokens) {
        if ($newer -notcontains [string]$token.Kind) { continue }
        $text = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($token.Text))
        [Console]::Out.WriteLine([string]$number + ' ' + [string]$token.Extent.StartLineNumber + ' newer ' + $text)
    }
    $number = $number + 1
}
[Console]::Out.WriteLine('read ' + [string]$number)
