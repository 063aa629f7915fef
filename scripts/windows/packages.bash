# What is tested for Windows, as cargo's arguments: for bash scripts. All at once, since each other choice of packages would
# be another choice of features, and so another build.
packages=(platform textedit schedule x509 store target detect testkit)
tested=("${packages[@]/#/--package=baton-}" --package=baton --lib --bins --tests)
