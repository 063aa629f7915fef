# Hands Board Connector over to a certificate that an ACME client has put into the certificate store: the installation
# script of win-acme and simple-acme, which pass the old and the new thumbprint.
#
#   bc-le.ps1 OLD NEW [-Target NAME] [-Settings FILE]
#
# Baton does the work and says how it ended: 0 served, 3 refused, 4 rolled back, 5 a person must look.
# It is taken from beside this script, else from the search path. See docs/guides/acme-clients.md.
param(
    # The certificate before, as far as the client knows; empty at its first issue.
    [Parameter(Position = 0)][AllowEmptyString()][string] $OldThumbprint = '',
    [Parameter(Position = 1)][AllowEmptyString()][string] $NewThumbprint = '',
    # The name of the target in baton.toml.
    [string] $Target = 'board-connector',
    # The settings, where they are not at Baton's usual place.
    [string] $Settings = ''
)

# An empty OLD without quotes is no argument at all: the only one is then NEW.
if (-not $NewThumbprint) {
    $NewThumbprint = $OldThumbprint
    $OldThumbprint = ''
}
# Windows PowerShell drops empty arguments of programs. Baton takes a blank for an empty OLD.
if (-not $OldThumbprint) {
    $OldThumbprint = ' '
}

$Baton = Join-Path $PSScriptRoot 'baton.exe'
if (-not (Test-Path -LiteralPath $Baton)) {
    $Baton = 'baton.exe'
}
if (-not (Get-Command $Baton -CommandType Application -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine("baton.exe is neither in $PSScriptRoot nor in the search path: put it beside this script")
    exit 1
}

$Arguments = @('swap', $OldThumbprint, $NewThumbprint, '--target', $Target)
if ($Settings) {
    $Arguments += @('--settings', $Settings)
}
& $Baton @Arguments
exit $LASTEXITCODE
