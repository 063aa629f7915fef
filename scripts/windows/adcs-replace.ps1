# Hands servers over to a certificate that Windows has renewed by autoenrollment from Active Directory Certificate
# Services: the script of a certificate lifecycle notification. Register it once, in PowerShell as an administrator:
#
#   New-CertificateNotificationTask -Type Replace -Channel System -Name Baton `
#     -PSScript 'C:\Program Files\Baton\adcs-replace.ps1' -RunTaskForExistingCertificates
#
# Windows calls it for every certificate of the machine that is replaced; one that no target uses is left alone.
# Baton is taken from beside this script, else from the search path, and its settings from their usual place.
# See docs/guides/adcs.md.
param(
    [string] $OldCertHash = '',
    [string] $NewCertHash = '',
    # The number of the event; Baton does not need it.
    [string] $EventRecordId = ''
)

# Windows PowerShell drops empty arguments of programs. Baton takes a blank for an empty OLD.
if (-not $OldCertHash) {
    $OldCertHash = ' '
}

$Baton = Join-Path $PSScriptRoot 'baton.exe'
if (-not (Test-Path -LiteralPath $Baton)) {
    $Baton = 'baton.exe'
}
if (-not (Get-Command $Baton -CommandType Application -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine("baton.exe is neither in $PSScriptRoot nor in the search path: put it beside this script")
    exit 1
}

& $Baton hook adcs $OldCertHash $NewCertHash
exit $LASTEXITCODE
